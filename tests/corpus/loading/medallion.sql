-- Databricks notebook source
-- MAGIC %python
-- MAGIC dbutils.fs.rm("/lessons/loading/medallion", True)
-- MAGIC lines = ['{"user": "ann", "spent": "3.5"}', '{"user": "bo", "spent": "n/a"}', '{"user": "ann", "spent": "1.5"}']
-- MAGIC dbutils.fs.put("/lessons/loading/medallion/1.json", "\n".join(lines))

-- COMMAND ----------

CREATE SCHEMA IF NOT EXISTS lesson_medallion;
USE lesson_medallion;
CREATE TABLE IF NOT EXISTS bronze (user STRING, spent STRING);
COPY INTO bronze FROM '/lessons/loading/medallion' FILEFORMAT = JSON;
CREATE OR REPLACE TABLE silver AS SELECT user, try_cast(spent AS DOUBLE) AS spent FROM bronze WHERE try_cast(spent AS DOUBLE) IS NOT NULL;
CREATE OR REPLACE VIEW gold AS SELECT user, sum(spent) AS total FROM silver GROUP BY user;
SELECT * FROM gold

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [tuple(row) for row in _sqldf.collect()] == [("ann", 5.0)]
