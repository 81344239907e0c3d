# Databricks notebook source
from shared_code import normalise
from pyspark.sql.functions import udf

clean = udf(normalise)
names = spark.createDataFrame([("  Ada ",), ("BOB",)], ["name"])
assert [row[0] for row in names.select(clean("name")).collect()] == ["ada", "bob"]
