# Databricks notebook source
path = "/lessons/delta/history"
dbutils.fs.rm(path, True)
spark.range(1).write.format("delta").save(path)
spark.range(2).write.format("delta").mode("overwrite").save(path)
history = spark.sql(f"DESCRIBE HISTORY delta.`{path}`")
display(history)
assert history.count() == 2
