# Databricks notebook source
a = spark.createDataFrame([(1, "x"), (1, "x"), (2, "y")], ["id", "word"])
b = spark.createDataFrame([("z", 3), ("y", 2)], ["word", "id"])

# COMMAND ----------

assert a.distinct().count() == 2 and a.dropDuplicates(["id"]).count() == 2
both = a.unionByName(b)
display(both)
assert both.count() == 5 and a.union(a).count() == 6
assert a.select("id").subtract(b.select("id")).collect()[0].id == 1
assert a.intersect(b.select("id", "word")).count() == 1
assert a.exceptAll(b.select("id", "word")).count() == 2
