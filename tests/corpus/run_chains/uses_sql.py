# Databricks notebook source
# MAGIC %run ./sql_setup

# COMMAND ----------

assert table("prepared").count() == 2
