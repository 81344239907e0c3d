-- Databricks notebook source
-- MAGIC %python
-- MAGIC dbutils.fs.rm("/lessons/loading/bare", True)
-- MAGIC dbutils.fs.put("/lessons/loading/bare/a.csv", "id,name\n1,x\n2,y\n")

-- COMMAND ----------

CREATE TABLE IF NOT EXISTS main.default.bare;
COPY INTO main.default.bare FROM '/lessons/loading/bare' FILEFORMAT = CSV
FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true', 'mergeSchema' = 'true')
COPY_OPTIONS ('mergeSchema' = 'true')

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().num_inserted_rows == 2
-- MAGIC assert dict(spark.table("main.default.bare").dtypes) == {"id": "bigint", "name": "string"}
