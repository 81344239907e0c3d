# Databricks notebook source
path = "/lessons/delta/changed"
dbutils.fs.rm(path, True)
spark.createDataFrame([(1, 10), (2, 20), (3, 30)], "id int, n int").write.format("delta").save(path)
spark.sql(f"UPDATE delta.`{path}` SET n = n + 1 WHERE id = 2")
spark.sql(f"DELETE FROM delta.`{path}` WHERE id = 3")
assert dict(spark.read.format("delta").load(path).collect()) == {1: 10, 2: 21}
