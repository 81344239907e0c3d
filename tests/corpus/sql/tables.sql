-- Databricks notebook source
-- MAGIC %md ### A table, some rows, a question

-- COMMAND ----------

CREATE DATABASE IF NOT EXISTS lessons;
CREATE TABLE IF NOT EXISTS people (id INT, name STRING, born DATE);
INSERT INTO people VALUES (1, 'Ada', DATE '1815-12-10'), (2, 'Grace', DATE '1906-12-09');

-- COMMAND ----------

SELECT name, year(born) AS year FROM people ORDER BY born DESC -- the younger first
;

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [row.name for row in _sqldf.collect()] == ["Grace", "Ada"]

-- COMMAND ----------

DESCRIBE TABLE people;
SHOW TABLES;
-- the end
