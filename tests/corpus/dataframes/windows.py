# Databricks notebook source
from pyspark.sql import Window
from pyspark.sql.functions import col, dense_rank, lag, row_number, sum as total_of

races = spark.createDataFrame([("a", 1, 9), ("a", 2, 7), ("a", 3, 8), ("b", 1, 5), ("b", 2, 5)], ["driver", "race", "points"])

# COMMAND ----------

by_driver = Window.partitionBy("driver").orderBy("race")
running = races.withColumn("sum", total_of("points").over(by_driver)).withColumn("change", col("points") - lag("points", 1).over(by_driver))
display(running)
assert [row["sum"] for row in running.filter("driver = 'a'").orderBy("race").collect()] == [9, 16, 24]

# COMMAND ----------

best = races.withColumn("place", row_number().over(Window.partitionBy("driver").orderBy(col("points").desc()))).filter("place = 1")
assert sorted(row.points for row in best.collect()) == [5, 9]
ranks = races.withColumn("rank", dense_rank().over(Window.orderBy(col("points").desc())))
assert ranks.agg({"rank": "max"}).first()[0] == 4
