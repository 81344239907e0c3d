# Databricks notebook source
import pandas as pd
from pyspark.sql.functions import pandas_udf

@pandas_udf("double")
def celsius(fahrenheit: pd.Series) -> pd.Series:
    return (fahrenheit - 32) * 5 / 9

temperatures = spark.createDataFrame([(32.0,), (212.0,)], ["f"])
display(temperatures.select(celsius("f").alias("c")))
assert [row.c for row in temperatures.select(celsius("f").alias("c")).collect()] == [0.0, 100.0]

# COMMAND ----------

@pandas_udf("double")
def middle(values: pd.Series) -> float:
    return float(values.median())

numbers = spark.createDataFrame([("a", 1.0), ("a", 5.0), ("a", 3.0), ("b", 2.0)], ["k", "v"])
assert dict(numbers.groupBy("k").agg(middle("v")).collect()) == {"a": 3.0, "b": 2.0}
