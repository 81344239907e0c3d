# Databricks notebook source
# MAGIC %md The old way: f-strings and Spark configuration.

# COMMAND ----------

dbutils.widgets.text("schema", "default")
schema = dbutils.widgets.get("schema")
spark.conf.set("lesson.table", "measured")
spark.range(3).createOrReplaceTempView("measured")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT count(*) AS n FROM ${lesson.table}

# COMMAND ----------

assert _sqldf.first().n == 3
rows = spark.sql("SELECT * FROM measured WHERE id > :low", args={"low": 0}).count()
assert rows == 2
