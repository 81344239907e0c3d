# Databricks notebook source
for statement, said in (
    ("CREATE MATERIALIZED VIEW main.default.m AS SELECT 1", "CREATE TABLE"),
    ("CREATE STREAMING TABLE main.default.m AS SELECT 1", "CREATE TABLE"),
    ("UNDROP TABLE main.default.m", "DROP"),
    ("CREATE TABLE main.default.m SHALLOW CLONE main.default.n", "DEEP CLONE"),
):
    try:
        spark.sql(statement)
    except Exception as error:
        text = str(error)
        assert "is not served by the local workspace" in text and said in text and "\n" not in text.strip(), text
    else:
        raise AssertionError(statement)
