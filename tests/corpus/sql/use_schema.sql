-- Databricks notebook source
CREATE SCHEMA IF NOT EXISTS lesson_schema;
USE lesson_schema;
CREATE TABLE things (id INT);
SELECT current_schema() AS here

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().here == "lesson_schema"
