-- Databricks notebook source
SET spark.sql.shuffle.partitions = 4;
SELECT 1

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert spark.conf.get("spark.sql.shuffle.partitions") == "4"
