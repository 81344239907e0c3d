-- Databricks notebook source
CREATE OR REPLACE TEMP VIEW numbers AS SELECT id, id % 2 = 0 AS even FROM range(10);
CREATE OR REPLACE VIEW evens AS SELECT id FROM range(10) WHERE id % 2 = 0;

-- COMMAND ----------

SELECT count(*) AS n FROM numbers JOIN evens USING (id)

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().n == 5
-- MAGIC numbers = table("numbers")
-- MAGIC numbers.createOrReplaceTempView("again")
-- MAGIC assert sql("SELECT * FROM again WHERE even").count() == 5
