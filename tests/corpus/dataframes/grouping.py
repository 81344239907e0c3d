# Databricks notebook source
import pyspark.sql.functions as F

orders = spark.createDataFrame(
    [("north", "a", 10), ("north", "b", 5), ("south", "a", 7), ("south", "a", 3), ("west", "c", 1)],
    ["region", "product", "amount"],
)

# COMMAND ----------

summary = orders.groupBy("region").agg(
    F.sum("amount").alias("total"), F.avg("amount").alias("mean"), F.countDistinct("product").alias("products"),
    F.collect_set("product").alias("names"),
)
display(summary.orderBy(F.desc("total")))

# COMMAND ----------

assert [(row.region, row.total) for row in summary.orderBy(F.desc("total"), "region").collect()] == [("north", 15), ("south", 10), ("west", 1)]
assert orders.groupBy("region").count().filter("count > 1").count() == 2
