# Databricks notebook source
path = "/lessons/delta/maintained"
dbutils.fs.rm(path, True)
for number in range(3):
    spark.range(number, number + 1).write.format("delta").mode("append").save(path)
spark.sql(f"OPTIMIZE delta.`{path}`")
spark.sql(f"VACUUM delta.`{path}` RETAIN 168 HOURS")
assert spark.read.format("delta").load(path).count() == 3
