# Databricks notebook source
# MAGIC %pip install --quiet --no-index --find-links . tiny-lesson
# MAGIC dbutils.library.restartPython()

# COMMAND ----------

import tiny_lesson
from pyspark.sql.functions import udf

assert [row[0] for row in spark.range(1).select(udf(lambda n: tiny_lesson.WORD)("id")).collect()] == ["tiny"]

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

assert "tiny_lesson" not in globals()
