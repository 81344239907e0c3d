-- Databricks notebook source
-- MAGIC %python
-- MAGIC dbutils.fs.rm("/lessons/loading/read", True)
-- MAGIC dbutils.fs.put("/lessons/loading/read/a.csv", "id,price\n1,2.50\n2,3.75\n")

-- COMMAND ----------

CREATE OR REPLACE TABLE main.default.prices AS
SELECT id, price * 2 AS twice FROM read_files('/lessons/loading/read', format => 'csv', header => true);
SELECT sum(twice) AS total FROM main.default.prices

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().total == 12.5
-- MAGIC typed = spark.sql("SELECT * FROM read_files('/lessons/loading/read/*.csv', format => 'csv', schema => 'id STRING, price DOUBLE')")
-- MAGIC assert dict(typed.dtypes) == {"id": "string", "price": "double"}
