# Databricks notebook source
import pyspark.pandas as ps

frame = ps.DataFrame({"kind": ["x", "y", "x"], "n": [1, 2, 3]})
print(frame.shape, frame.head(2))
assert frame.n.mean() == 2.0
assert frame.groupby("kind").n.sum().sort_index().to_dict() == {"x": 4, "y": 2}
frame["twice"] = frame.n * 2
assert frame.twice.tolist() == [2, 4, 6]
