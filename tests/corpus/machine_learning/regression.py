# Databricks notebook source
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

frame = spark.range(50).selectExpr("CAST(id AS DOUBLE) AS x", "3.0 * id + 2 AS y").toPandas()
model = LinearRegression().fit(frame[["x"]], frame.y.astype(float))
assert np.isclose(model.coef_[0], 3.0) and np.isclose(model.intercept_, 2.0)
print(r2_score(frame.y.astype(float), model.predict(frame[["x"]])))
