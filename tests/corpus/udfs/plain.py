# Databricks notebook source
from pyspark.sql.functions import col, udf
from pyspark.sql.types import IntegerType, StringType

words = spark.createDataFrame([("spark",), ("delta",), (None,)], ["word"])

# COMMAND ----------

length = udf(lambda text: len(text) if text else 0, IntegerType())

@udf("string")
def shout(text):
    return text.upper() + "!" if text else None

shown = words.select("word", length("word").alias("length"), shout(col("word")).alias("loud"))
display(shown)
assert [tuple(row) for row in shown.collect()] == [("spark", 5, "SPARK!"), ("delta", 5, "DELTA!"), (None, 0, None)]
