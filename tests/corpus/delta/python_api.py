# Databricks notebook source
from delta.tables import DeltaTable

path = "/lessons/delta/api"
dbutils.fs.rm(path, True)
spark.range(2).write.format("delta").save(path)
DeltaTable.forPath(spark, path).delete("id = 0")
assert spark.read.format("delta").load(path).count() == 1
