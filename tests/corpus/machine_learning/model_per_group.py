# Databricks notebook source
import pandas as pd
from sklearn.linear_model import LinearRegression

rows = [(group, float(x), float(x * slope)) for group, slope in (("a", 2), ("b", 5)) for x in range(5)]
data = spark.createDataFrame(rows, ["kind", "x", "y"])

def slope(frame: pd.DataFrame) -> pd.DataFrame:
    fitted = LinearRegression().fit(frame[["x"]], frame.y)
    return pd.DataFrame({"kind": [frame.kind.iloc[0]], "slope": [float(fitted.coef_[0])]})

found = data.groupBy("kind").applyInPandas(slope, "kind string, slope double")
assert {row.kind: round(row.slope) for row in found.collect()} == {"a": 2, "b": 5}
