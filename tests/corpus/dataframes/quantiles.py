# Databricks notebook source
df = spark.range(1, 101)
middle = df.approxQuantile("id", [0.5], 0.01)[0]
assert 45 <= middle <= 55
