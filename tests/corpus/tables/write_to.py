# Databricks notebook source
rows = spark.range(3).withColumnRenamed("id", "n")
rows.writeTo("main.default.written").using("delta").createOrReplace()
rows.writeTo("main.default.written").append()
assert spark.table("main.default.written").count() == 6
rows.limit(1).writeTo("main.default.written").overwritePartitions()
assert spark.table("main.default.written").count() == 1
assert spark.catalog.tableExists("main.default.written")
