-- Databricks notebook source
CREATE SCHEMA IF NOT EXISTS lesson_rights;
CREATE OR REPLACE TABLE lesson_rights.t (a INT);
GRANT USE SCHEMA ON SCHEMA lesson_rights TO `readers`;
GRANT SELECT, MODIFY ON TABLE lesson_rights.t TO `readers`;
REVOKE MODIFY ON TABLE lesson_rights.t FROM `readers`;
SHOW GRANTS `readers` ON TABLE lesson_rights.t

-- COMMAND ----------

-- MAGIC %python
-- MAGIC rows = [tuple(row) for row in _sqldf.collect()]
-- MAGIC assert rows == [("readers", "SELECT", "TABLE", "main.lesson_rights.t")], rows
-- MAGIC assert spark.sql("SELECT current_metastore() AS m").first().m
