# Databricks notebook source
import pandas as pd

left = spark.createDataFrame([(1, "a"), (2, "b")], ["id", "x"])
right = spark.createDataFrame([(1, 10), (1, 20)], ["id", "y"])

def merged(one: pd.DataFrame, two: pd.DataFrame) -> pd.DataFrame:
    return one.merge(two, on="id", how="left").assign(y=lambda frame: frame.y.fillna(0).astype("int64"))

joined = left.groupBy("id").cogroup(right.groupBy("id")).applyInPandas(merged, "id long, x string, y long")
assert sorted(tuple(row) for row in joined.collect()) == [(1, "a", 10), (1, "a", 20), (2, "b", 0)]
