# Databricks notebook source
dbutils.fs.rm("/lessons/delta/default", True)
spark.range(3).write.save("/lessons/delta/default")
assert spark.read.load("/lessons/delta/default").count() == 3
assert "_delta_log/" in [item.name for item in dbutils.fs.ls("/lessons/delta/default")]
spark.range(2).write.mode("overwrite").saveAsTable("kept_as_delta")
spark.sql("DELETE FROM kept_as_delta WHERE id = 0")
assert spark.table("kept_as_delta").count() == 1
