# Databricks notebook source
import pandas as pd
from pyspark.sql.functions import pandas_udf
from sklearn.tree import DecisionTreeClassifier

model = DecisionTreeClassifier().fit(pd.DataFrame({"n": range(10)}), [n >= 5 for n in range(10)])

@pandas_udf("boolean")
def predicted(n: pd.Series) -> pd.Series:
    return pd.Series(model.predict(pd.DataFrame({"n": n})))

scored = spark.range(10).withColumn("large", predicted("id"))
assert scored.filter("large").count() == 5
