# Databricks notebook source
from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType

dbutils.fs.put("/lessons/files/trees.csv", "name,height,planted\noak,20.5,1990\nelm,12,2001\n", True)

# COMMAND ----------

trees = spark.read.option("header", True).option("inferSchema", True).csv("/lessons/files/trees.csv")
trees.printSchema()
assert dict(trees.dtypes)["height"] == "double"
display(trees)

# COMMAND ----------

schema = StructType([StructField("name", StringType()), StructField("height", DoubleType()), StructField("planted", LongType())])
typed = spark.read.csv("dbfs:/lessons/files/trees.csv", header=True, schema=schema)
typed.write.mode("overwrite").parquet("/lessons/files/parquet")
typed.write.mode("overwrite").json("/lessons/files/json")
typed.write.mode("overwrite").partitionBy("planted").parquet("/lessons/files/parts")

# COMMAND ----------

assert spark.read.parquet("/lessons/files/parquet").count() == 2
assert spark.read.json("/lessons/files/json").filter("height > 15").first().name == "oak"
assert spark.read.parquet("/lessons/files/parts").filter("planted = 2001").count() == 1
assert sorted(item.name for item in dbutils.fs.ls("/lessons/files/parts") if item.isDir()) == ["planted=1990/", "planted=2001/"]
