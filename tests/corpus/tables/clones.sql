-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.original AS SELECT id, id * id AS square FROM range(5);
CREATE OR REPLACE TABLE main.default.copied DEEP CLONE main.default.original;
DELETE FROM main.default.copied WHERE id > 2;
SELECT (SELECT count(*) FROM main.default.original) AS before, (SELECT count(*) FROM main.default.copied) AS after

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert tuple(_sqldf.first()) == (5, 3)

-- COMMAND ----------

CREATE OR REPLACE TABLE main.default.empty_one LIKE main.default.original;
SELECT count(*) AS n FROM main.default.empty_one

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().n == 0 and spark.table("main.default.empty_one").columns == ["id", "square"]
