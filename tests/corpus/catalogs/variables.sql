-- Databricks notebook source
DECLARE OR REPLACE VARIABLE least INT DEFAULT 10;
DECLARE OR REPLACE VARIABLE place STRING;
SET VAR place = 'main.default.measured';
CREATE OR REPLACE TABLE IDENTIFIER(place) AS SELECT id * 5 AS value FROM range(5);
SELECT count(*) AS n FROM IDENTIFIER(place) WHERE value >= least

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().n == 3

-- COMMAND ----------

SET VAR least = (SELECT max(value) FROM main.default.measured);
SELECT least, session.least + 1 AS more

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert tuple(_sqldf.first()) == (20, 21)
