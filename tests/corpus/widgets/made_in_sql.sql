-- Databricks notebook source
CREATE WIDGET TEXT word DEFAULT "hello";
CREATE WIDGET DROPDOWN pick DEFAULT 'b' CHOICES SELECT * FROM (VALUES ('a'), ('b')) AS t(x);

-- COMMAND ----------

SELECT concat(:word, '-', :pick) AS said

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().said == "hello-b"

-- COMMAND ----------

REMOVE WIDGET word
