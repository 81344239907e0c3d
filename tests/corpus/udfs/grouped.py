# Databricks notebook source
import pandas as pd

scores = spark.createDataFrame([("a", 1.0), ("a", 3.0), ("b", 5.0)], ["team", "score"])

def centred(group: pd.DataFrame) -> pd.DataFrame:
    return group.assign(score=group.score - group.score.mean())

result = scores.groupBy("team").applyInPandas(centred, schema="team string, score double")
display(result)
assert sorted(row.score for row in result.collect()) == [-1.0, 0.0, 1.0]
