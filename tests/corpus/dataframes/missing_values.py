# Databricks notebook source
from pyspark.sql.functions import avg, col, count, isnan, when

df = spark.createDataFrame([(1, None, 3.0), (2, "x", None), (3, None, None)], "id int, word string, value double")

# COMMAND ----------

nulls = df.select([count(when(col(name).isNull(), name)).alias(name) for name in df.columns])
display(nulls)
assert nulls.first().asDict() == {"id": 0, "word": 2, "value": 2}

# COMMAND ----------

mean = df.select(avg("value")).first()[0]
filled = df.na.fill({"word": "none", "value": mean})
assert filled.filter("word = 'none'").count() == 2 and filled.select("value").distinct().count() == 1
assert df.dropna().count() == 0 and df.dropna(how="all", subset=["word", "value"]).count() == 2
assert df.na.replace("x", "y").filter("word = 'y'").count() == 1
