-- Databricks notebook source
CREATE SCHEMA IF NOT EXISTS lesson_info COMMENT 'looked up';
CREATE OR REPLACE TABLE lesson_info.people (id INT NOT NULL COMMENT 'key', name STRING);
CREATE OR REPLACE VIEW lesson_info.names AS SELECT name FROM lesson_info.people;
SELECT table_name, table_type FROM main.information_schema.tables WHERE table_schema = 'lesson_info' ORDER BY table_name

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [tuple(row) for row in _sqldf.collect()] == [("names", "VIEW"), ("people", "MANAGED")]
-- MAGIC columns = spark.sql('''
-- MAGIC     SELECT column_name, full_data_type, is_nullable, comment FROM information_schema.columns
-- MAGIC     WHERE table_schema = 'lesson_info' AND table_name = 'people' ORDER BY ordinal_position
-- MAGIC ''')
-- MAGIC assert [tuple(row) for row in columns.collect()] == [("id", "int", "NO", "key"), ("name", "string", "YES", None)]
-- MAGIC schemata = spark.sql("SELECT comment FROM system.information_schema.schemata WHERE schema_name = 'lesson_info'")
-- MAGIC assert schemata.first().comment == "looked up"
-- MAGIC views = spark.sql("SELECT view_definition FROM information_schema.views WHERE table_name = 'names'")
-- MAGIC assert "lesson_info.people" in views.first().view_definition
