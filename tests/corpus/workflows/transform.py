# Databricks notebook source
# after: workflows/extract
rows = dbutils.jobs.taskValues.get(taskKey="workflows-extract", key="rows", default=0, debugValue=0)
path = dbutils.jobs.taskValues.get("workflows-extract", "path", debugValue="")

# COMMAND ----------

orders = spark.read.json(path)
assert orders.count() == rows == 2
orders.selectExpr("sum(amount) AS total").write.mode("overwrite").parquet("/lessons/workflow/total")
dbutils.jobs.taskValues.set("total", orders.agg({"amount": "sum"}).first()[0])
