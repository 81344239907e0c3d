-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.stock_levels (item STRING, amount INT);
INSERT INTO main.default.stock_levels VALUES ('pen', 10);
UPDATE main.default.stock_levels SET amount = 7;
DELETE FROM main.default.stock_levels;
SELECT
  (SELECT amount FROM main.default.stock_levels VERSION AS OF 1) AS first,
  (SELECT amount FROM main.default.stock_levels@v2) AS second,
  (SELECT count(*) FROM main.default.stock_levels) AS now

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert tuple(_sqldf.first()) == (10, 7, 0)
-- MAGIC moment = spark.sql("SELECT timestamp FROM (DESCRIBE HISTORY main.default.stock_levels) WHERE version = 1").first().timestamp
-- MAGIC then = spark.sql(f"SELECT amount FROM main.default.stock_levels TIMESTAMP AS OF '{moment}'")
-- MAGIC assert then.first().amount == 10

-- COMMAND ----------

RESTORE TABLE main.default.stock_levels TO VERSION AS OF 2

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().num_restored_files == 1
-- MAGIC assert spark.table("main.default.stock_levels").first().amount == 7
