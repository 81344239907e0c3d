-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.sales AS
SELECT * FROM VALUES (1, 'north', 10), (2, 'north', 20), (3, 'south', 30) AS s(id, region, amount);
INSERT INTO main.default.sales REPLACE WHERE region = 'north' SELECT 9, 'north', 99;
SELECT id, amount FROM main.default.sales ORDER BY id

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [tuple(row) for row in _sqldf.collect()] == [(3, 30), (9, 99)]
-- MAGIC try:
-- MAGIC     spark.sql("INSERT INTO main.default.sales REPLACE WHERE region = 'north' SELECT 1, 'west', 1")
-- MAGIC except Exception as error:
-- MAGIC     assert "DELTA_REPLACE_WHERE_MISMATCH" in str(error), error
-- MAGIC else:
-- MAGIC     raise AssertionError("replaced")
