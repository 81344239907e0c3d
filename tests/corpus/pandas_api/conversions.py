# Databricks notebook source
import pandas as pd

sdf = spark.createDataFrame(pd.DataFrame({"a": [3, 1, 2], "b": ["u", "v", "w"]}))
psdf = sdf.pandas_api()
ordered = psdf.sort_values("a")
assert ordered.b.tolist() == ["v", "w", "u"]
assert ordered.to_spark().count() == 3
assert list(psdf.to_pandas().columns) == ["a", "b"]
