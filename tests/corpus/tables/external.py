# Databricks notebook source
path = "/lessons/tables/external"
dbutils.fs.rm(path, True)
spark.sql(f"CREATE OR REPLACE TABLE main.default.outside (id INT) LOCATION '{path}'")
spark.sql("INSERT INTO main.default.outside VALUES (1), (2)")
assert spark.read.format("delta").load(path).count() == 2
spark.sql("DROP TABLE main.default.outside")
assert not spark.catalog.tableExists("main.default.outside")
# The files are still there: the table can be made again of them.
spark.sql(f"CREATE TABLE main.default.outside USING DELTA LOCATION '{path}'")
assert spark.table("main.default.outside").count() == 2

# COMMAND ----------

spark.sql("CREATE OR REPLACE TABLE main.default.inside AS SELECT 1 AS id")
place = spark.sql("DESCRIBE DETAIL main.default.inside").first().location
spark.sql("DROP TABLE main.default.inside")
try:
    left = dbutils.fs.ls(place)
except Exception:
    left = []
assert left == []
