-- Databricks notebook source
CREATE OR REPLACE TABLE squares AS SELECT id, id * id AS square FROM range(4);
SELECT max(square) AS top FROM squares

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().top == 9

-- COMMAND ----------

DROP TABLE squares
