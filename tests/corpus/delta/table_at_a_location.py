# Databricks notebook source
dbutils.fs.rm("/lessons/delta/located", True)
spark.sql("CREATE TABLE located (id INT, word STRING) USING DELTA LOCATION '/lessons/delta/located'")
spark.sql("INSERT INTO located VALUES (1, 'a'), (2, 'b')")
assert spark.table("located").count() == 2
assert spark.read.format("delta").load("/lessons/delta/located").count() == 2
