# Databricks notebook source
# MAGIC %run ./setup $level="high"

# COMMAND ----------

assert describe(3) == "high: 3"
