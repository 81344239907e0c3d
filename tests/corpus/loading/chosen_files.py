# Databricks notebook source
folder = "/lessons/loading/chosen"
dbutils.fs.rm(folder, True)
for name in ("a.json", "b.json", "c.txt", "_d.json"):
    dbutils.fs.put(f"{folder}/{name}", f'{{"file": "{name}"}}\n')
spark.sql("CREATE OR REPLACE TABLE main.default.chosen (file STRING)")
into = f"COPY INTO main.default.chosen FROM '{folder}' FILEFORMAT = JSON"
assert spark.sql(f"{into} FILES = ('a.json')").first().num_inserted_rows == 1
assert spark.sql(f"{into} PATTERN = '*.json'").first().num_inserted_rows == 1
assert {row.file for row in spark.table("main.default.chosen").collect()} == {"a.json", "b.json"}
