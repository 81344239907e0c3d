# Databricks notebook source
table = "main.default.readings"
spark.sql(f"CREATE OR REPLACE TABLE {table} AS SELECT 1 AS id, 20.5D AS value")
more = spark.createDataFrame([(2, 21.0, "kitchen")], "id int, value double, room string")
try:
    more.write.mode("append").saveAsTable(table)
except Exception as error:
    assert "mergeSchema" in str(error), error
else:
    raise AssertionError("appended")
more.write.mode("append").option("mergeSchema", "true").saveAsTable(table)
assert [tuple(row) for row in spark.table(table).orderBy("id").collect()] == [
    (1, 20.5, None), (2, 21.0, "kitchen")
]
