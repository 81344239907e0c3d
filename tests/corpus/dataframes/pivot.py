# Databricks notebook source
from pyspark.sql.functions import expr, first

scores = spark.createDataFrame([("ada", "maths", 1), ("ada", "art", 2), ("bob", "maths", 3)], ["who", "subject", "mark"])

# COMMAND ----------

wide = scores.groupBy("who").pivot("subject", ["maths", "art"]).agg(first("mark"))
display(wide)
assert {row.who: (row.maths, row.art) for row in wide.collect()} == {"ada": (1, 2), "bob": (3, None)}

# COMMAND ----------

long = wide.select("who", expr("stack(2, 'maths', maths, 'art', art) as (subject, mark)")).where("mark is not null")
assert long.count() == 3
melted = wide.unpivot(["who"], ["maths", "art"], "subject", "mark")
assert melted.count() == 4
