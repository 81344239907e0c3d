# Databricks notebook source
spark.range(3).write.mode("overwrite").saveAsTable("saved_numbers")
spark.range(4).write.mode("overwrite").saveAsTable("saved_numbers")
spark.range(4, 5).write.mode("append").saveAsTable("saved_numbers")
assert spark.table("saved_numbers").count() == 5
assert "saved_numbers" in [each.name for each in spark.catalog.listTables()]
spark.sql("DROP TABLE saved_numbers")
