-- Databricks notebook source
CREATE CATALOG IF NOT EXISTS lesson_catalog;
CREATE SCHEMA IF NOT EXISTS lesson_catalog.raw COMMENT 'as it came';
USE CATALOG lesson_catalog;
USE SCHEMA raw;
CREATE OR REPLACE TABLE t AS SELECT 1 AS a;
SELECT current_catalog(), current_schema(), (SELECT a FROM lesson_catalog.raw.t) AS a

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert tuple(_sqldf.first()) == ("lesson_catalog", "raw", 1)
-- MAGIC assert spark.catalog.currentCatalog() == "lesson_catalog"
-- MAGIC assert spark.catalog.currentDatabase() == "raw"
-- MAGIC assert "lesson_catalog" in [row.catalog for row in spark.sql("SHOW CATALOGS").collect()]

-- COMMAND ----------

USE CATALOG main;
DROP SCHEMA lesson_catalog.raw CASCADE;
DROP CATALOG lesson_catalog CASCADE

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert "lesson_catalog" not in [row.catalog for row in spark.sql("SHOW CATALOGS").collect()]
