# Databricks notebook source
path = "/lessons/delta/partitioned"
dbutils.fs.rm(path, True)
rows = spark.range(6).selectExpr("id", "id % 2 AS part")
rows.write.format("delta").partitionBy("part").save(path)
assert spark.read.format("delta").load(path).where("part = 0").count() == 3
rows.where("part = 1").write.format("delta").mode("overwrite").option("replaceWhere", "part = 1").save(path)
assert spark.read.format("delta").load(path).count() == 6
