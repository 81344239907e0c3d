# Databricks notebook source
# MAGIC %run ../setup

# COMMAND ----------

# MAGIC %run "./last link"

# COMMAND ----------

assert describe("x") == "low: x" and last == ["spark"]
