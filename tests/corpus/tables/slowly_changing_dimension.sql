-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.customers (id INT, city STRING, since DATE, until DATE);
INSERT INTO main.default.customers VALUES (1, 'Rome', '2020-01-01', NULL), (2, 'Oslo', '2021-01-01', NULL);
CREATE OR REPLACE TEMP VIEW moved AS SELECT * FROM VALUES (1, 'Pisa', DATE'2024-06-01'), (3, 'Linz', DATE'2024-06-01') AS m(id, city, at)

-- COMMAND ----------

MERGE INTO main.default.customers AS c
USING (
  SELECT id AS key, * FROM moved
  UNION ALL
  SELECT NULL, m.* FROM moved m JOIN main.default.customers k ON m.id = k.id WHERE k.until IS NULL
) AS s
ON c.id = s.key AND c.until IS NULL
WHEN MATCHED THEN UPDATE SET until = s.at
WHEN NOT MATCHED THEN INSERT (id, city, since) VALUES (s.id, s.city, s.at)

-- COMMAND ----------

-- MAGIC %python
-- MAGIC counts = _sqldf.first()
-- MAGIC assert (counts.num_updated_rows, counts.num_inserted_rows) == (1, 2)

-- COMMAND ----------

SELECT id, city FROM main.default.customers WHERE until IS NULL ORDER BY id

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [tuple(row) for row in _sqldf.collect()] == [(1, "Pisa"), (2, "Oslo"), (3, "Linz")]
