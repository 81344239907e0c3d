# Databricks notebook source
# MAGIC %md
# MAGIC CSV without a schema gives strings, and people calculate with them.

# COMMAND ----------

import pyspark.sql.functions as F

dbutils.fs.put("/lessons/strings/energy.csv", "country,solar,wind\nChile,5,7\nPeru,2,1\n", True)
energy = spark.read.option("header", True).csv("/lessons/strings/energy.csv")

# COMMAND ----------

both = energy.withColumn("both", energy.solar + energy.wind)
display(both)
assert {row.country: row.both for row in both.collect()} == {"Chile": 12.0, "Peru": 3.0}
