-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.planets (name STRING COMMENT 'in English', moons INT) COMMENT 'of the sun';
INSERT INTO main.default.planets VALUES ('Earth', 1), ('Mars', 2);
CREATE TABLE IF NOT EXISTS main.default.planets (other STRING);
CREATE OR REPLACE TABLE main.default.planets AS SELECT name, moons > 1 AS several FROM main.default.planets;
SELECT * FROM main.default.planets ORDER BY name

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [tuple(row) for row in _sqldf.collect()] == [("Earth", False), ("Mars", True)]
-- MAGIC # What was there before is still there, under its version.
-- MAGIC before = spark.sql("SELECT sum(moons) AS n FROM main.default.planets VERSION AS OF 1").first().n
-- MAGIC assert before == 3

-- COMMAND ----------

-- MAGIC %python
-- MAGIC try:
-- MAGIC     spark.sql("CREATE TABLE main.default.planets (a INT)")
-- MAGIC except Exception as error:
-- MAGIC     assert "TABLE_OR_VIEW_ALREADY_EXISTS" in str(error), error
-- MAGIC else:
-- MAGIC     raise AssertionError("made twice")
