# Databricks notebook source
display(spark.sql("CREATE OR REPLACE TABLE main.default.seen (a INT)"))
display(spark.sql("INSERT INTO main.default.seen VALUES (1), (2)"))
display(spark.table("main.default.seen"))
result = spark.sql("INSERT INTO main.default.seen SELECT a + 2 FROM main.default.seen")
# Looking at the answer again does not run the statement again.
assert result.first().num_inserted_rows == 2 and result.collect()[0][0] == 2
assert spark.table("main.default.seen").count() == 4
