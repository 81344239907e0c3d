# Databricks notebook source
import pyspark.pandas as ps

left = ps.DataFrame({"id": [1, 2], "name": ["a", "b"]})
right = ps.DataFrame({"id": [1, 1], "amount": [5, 6]})
merged = left.merge(right, on="id", how="inner")
assert sorted(merged.amount.tolist()) == [5, 6]
assert ps.concat([left, left]).shape == (4, 2)
assert ps.sql("SELECT count(*) AS n FROM {left}", left=left).n.tolist() == [2]
