# Databricks notebook source
table = "main.default.asked"
spark.sql("CREATE OR REPLACE TABLE IDENTIFIER(:t) (id INT, name STRING)", args={"t": table})
spark.sql("INSERT INTO IDENTIFIER(:t) VALUES (:id, :name), (2, 'b')", args={"t": table, "id": 1, "name": "a"})
spark.sql("UPDATE IDENTIFIER(:t) SET name = :name WHERE id = 2", args={"t": table, "name": "z"})
found = spark.sql("SELECT name FROM IDENTIFIER(:t || '') WHERE id > ?".replace("?", ":low"), args={"t": table, "low": 1})
assert [row.name for row in found.collect()] == ["z"]
frame = spark.range(2)
assert spark.sql("SELECT count(*) AS n FROM {numbers}", numbers=frame).first().n == 2
