-- Databricks notebook source
CREATE SCHEMA IF NOT EXISTS lesson_look;
USE lesson_look;
CREATE OR REPLACE TABLE books (isbn STRING COMMENT 'number', pages INT, year INT) PARTITIONED BY (year) COMMENT 'to read';
DESCRIBE TABLE EXTENDED books

-- COMMAND ----------

-- MAGIC %python
-- MAGIC told = {row.col_name: row.data_type for row in _sqldf.collect()}
-- MAGIC assert told["isbn"] == "string" and told["Type"] == "MANAGED" and told["Provider"] == "delta"
-- MAGIC assert told["Comment"] == "to read" and told["Table"] == "books"

-- COMMAND ----------

SHOW CREATE TABLE books

-- COMMAND ----------

-- MAGIC %python
-- MAGIC text = _sqldf.first().createtab_stmt
-- MAGIC assert text.startswith("CREATE TABLE main.lesson_look.books (") and "PARTITIONED BY (year)" in text, text
-- MAGIC # What it says makes the same table.
-- MAGIC spark.sql(text.replace("lesson_look.books", "lesson_look.same").split("TBLPROPERTIES")[0])
-- MAGIC assert spark.table("same").schema == spark.table("books").schema

-- COMMAND ----------

SHOW COLUMNS IN books

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [row.col_name for row in _sqldf.collect()] == ["isbn", "pages", "year"]
-- MAGIC properties = dict(spark.sql("SHOW TBLPROPERTIES books").collect())
-- MAGIC assert properties["delta.minWriterVersion"] == "2"
-- MAGIC assert [row.tableName for row in spark.sql("SHOW TABLES LIKE 'b*'").collect()] == ["books"]
-- MAGIC spark.sql("COMMENT ON TABLE books IS 'read'")
-- MAGIC spark.sql("COMMENT ON COLUMN books.pages IS 'how many'")
-- MAGIC assert spark.catalog.listColumns("books")[1].description == "how many"
-- MAGIC assert spark.catalog.getTable("books").description == "read"
