# Databricks notebook source
import numpy as np
import pandas as pd

pdf = pd.DataFrame({"x": np.arange(5), "when": pd.date_range("2024-01-01", periods=5), "word": list("abcde")})
df = spark.createDataFrame(pdf)
display(df)
back = df.toPandas()
assert back.x.tolist() == pdf.x.tolist() and back.when.tolist() == pdf.when.tolist()
back.set_index("x").T.to_csv("/dbfs/lessons/transposed.csv")
assert pd.read_csv("/dbfs/lessons/transposed.csv").shape[0] == 2
