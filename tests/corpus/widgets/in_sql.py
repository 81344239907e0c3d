# Databricks notebook source
dbutils.widgets.text("minimum", "2")
dbutils.widgets.text("source", "numbers")
spark.range(5).createOrReplaceTempView("numbers")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT count(*) AS n FROM IDENTIFIER(:source) WHERE id >= :minimum

# COMMAND ----------

assert _sqldf.first().n == 3

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT count(*) AS n FROM ${source} WHERE id >= getArgument('minimum')

# COMMAND ----------

assert _sqldf.first().n == 3
