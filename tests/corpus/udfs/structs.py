# Databricks notebook source
from pyspark.sql.functions import udf
from pyspark.sql.types import ArrayType, IntegerType, StringType, StructField, StructType

parts = StructType([StructField("first", StringType()), StructField("rest", ArrayType(StringType()))])

@udf(returnType=parts)
def cut(path):
    head, *tail = path.split("/")
    return head, tail

row = spark.createDataFrame([("a/b/c",)], ["path"]).select(cut("path").alias("p")).select("p.*").first()
assert (row.first, row.rest) == ("a", ["b", "c"])
