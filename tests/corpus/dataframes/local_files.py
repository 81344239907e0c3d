# Databricks notebook source
# MAGIC %sh
# MAGIC mkdir -p /dbfs/lessons/local
# MAGIC printf 'a;b\n1;2\n3;4\n' > /dbfs/lessons/local/semicolons.csv

# COMMAND ----------

with open("/dbfs/lessons/local/semicolons.csv") as file:
    print(file.read())

# COMMAND ----------

import pandas as pd

frame = pd.read_csv("/dbfs/lessons/local/semicolons.csv", sep=";")
numbers = spark.createDataFrame(frame)
assert numbers.agg({"b": "sum"}).first()[0] == 6
assert spark.read.option("sep", ";").option("header", "true").csv("dbfs:/lessons/local/semicolons.csv").count() == 2
numbers.toPandas().to_json("/dbfs/lessons/local/out.json")
