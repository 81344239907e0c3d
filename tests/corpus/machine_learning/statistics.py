# Databricks notebook source
import statsmodels.api as sm
from scipy import stats

frame = spark.range(30).selectExpr("CAST(id AS DOUBLE) AS x", "2.0D * id + id % 3 AS y").toPandas()
fit = sm.OLS(frame.y, sm.add_constant(frame.x)).fit()
print(fit.summary())
assert abs(fit.params["x"] - 2) < 0.1
assert stats.pearsonr(frame.x, frame.y).statistic > 0.99
