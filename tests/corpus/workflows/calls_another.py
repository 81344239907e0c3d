# Databricks notebook source
import json

answer = dbutils.notebook.run("./called", 60, {"number": "20"})
assert json.loads(answer) == {"twice": 40}

# COMMAND ----------

try:
    dbutils.notebook.run("./called", 60, {"number": "no number"})
except Exception as error:
    print("failed as expected:", type(error).__name__)
else:
    raise AssertionError("the error of a called notebook is raised")
