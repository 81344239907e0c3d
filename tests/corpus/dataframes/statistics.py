# Databricks notebook source
import pyspark.sql.functions as F

df = spark.range(1, 101).withColumn("square", F.col("id") * F.col("id"))
display(df.describe())
display(df.summary("count", "min", "max"))
dbutils.data.summarize(df)

# COMMAND ----------

assert df.agg(F.max("square")).first()[0] == 10000
assert df.stat.corr("id", "square") > 0.9
assert df.sample(fraction=0.5, seed=42).count() < 100
