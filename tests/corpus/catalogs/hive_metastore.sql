-- Databricks notebook source
USE CATALOG hive_metastore;
CREATE DATABASE IF NOT EXISTS lesson_hive;
USE lesson_hive;
CREATE OR REPLACE TABLE flights AS SELECT 'ZRH' AS origin, 12 AS delay;
SELECT * FROM hive_metastore.lesson_hive.flights

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert tuple(_sqldf.first()) == ("ZRH", 12)
-- MAGIC files = [file.name for file in dbutils.fs.ls("dbfs:/user/hive/warehouse/lesson_hive.db/flights")]
-- MAGIC assert any(name.endswith(".parquet") for name in files), files
-- MAGIC spark.sql("USE CATALOG main")
