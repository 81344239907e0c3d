# Databricks notebook source
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression

data = spark.createDataFrame([(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)], ["x", "y"])
features = VectorAssembler(inputCols=["x"], outputCol="features").transform(data)
model = LinearRegression(labelCol="y").fit(features)
assert abs(model.coefficients[0] - 2) < 0.01
