# Databricks notebook source
spark.sql("CREATE OR REPLACE TABLE main.default.wide (a INT, b STRING, c DOUBLE)")
spark.sql("INSERT INTO main.default.wide (c, a) VALUES (1.5, 1)")
spark.sql("INSERT INTO main.default.wide BY NAME SELECT 'x' AS b, 2 AS a")
spark.createDataFrame([(3, "y", 2.5)], "p int, q string, r double").write.insertInto("main.default.wide")
spark.createDataFrame([(3.5, 4)], "c double, a int").write.mode("append").saveAsTable("main.default.wide")
rows = [tuple(row) for row in spark.table("main.default.wide").orderBy("a").collect()]
assert rows == [(1, None, 1.5), (2, "x", None), (3, "y", 2.5), (4, None, 3.5)], rows

# COMMAND ----------

for statement, said in (
    ("INSERT INTO main.default.wide VALUES (1, 'x')", "INSERT_COLUMN_ARITY_MISMATCH"),
    ("INSERT INTO main.default.wide (z) VALUES (1)", "cannot be resolved"),
    ("INSERT INTO main.default.nowhere VALUES (1)", "TABLE_OR_VIEW_NOT_FOUND"),
):
    try:
        spark.sql(statement)
    except Exception as error:
        assert said in str(error), error
    else:
        raise AssertionError(statement)
