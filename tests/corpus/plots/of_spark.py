# Databricks notebook source
import matplotlib.pyplot as plt

counts = spark.range(100).selectExpr("id % 5 AS rest").groupBy("rest").count().orderBy("rest").toPandas()
counts.plot.bar(x="rest", y="count", legend=False)
plt.title("Rests")
plt.savefig("/dbfs/lessons/rests.png")
assert len(dbutils.fs.ls("/lessons/rests.png")) == 1
