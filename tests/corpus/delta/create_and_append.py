# Databricks notebook source
path = "/lessons/delta/appended"
dbutils.fs.rm(path, True)
spark.range(3).write.format("delta").save(path)
spark.range(3, 5).write.format("delta").mode("append").save(path)
assert spark.read.format("delta").load(path).count() == 5
display(spark.sql(f"SELECT max(id) AS top FROM delta.`{path}`"))
print([item.name for item in dbutils.fs.ls(path + "/_delta_log")])
