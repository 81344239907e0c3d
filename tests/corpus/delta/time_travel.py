# Databricks notebook source
path = "/lessons/delta/travel"
dbutils.fs.rm(path, True)
spark.range(3).write.format("delta").save(path)
spark.range(10).write.format("delta").mode("overwrite").save(path)

# COMMAND ----------

assert spark.read.format("delta").load(path).count() == 10
assert spark.read.format("delta").option("versionAsOf", 0).load(path).count() == 3
assert spark.sql(f"SELECT * FROM delta.`{path}` VERSION AS OF 0").count() == 3
