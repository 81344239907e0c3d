-- Databricks notebook source
SELECT from_json('{"a": [1, 2]}', 'a ARRAY<INT>').a AS numbers, filter(array(1, 2, 3), x -> x > 1) AS large,
  map('k', 'v')['k'] AS value, named_struct('x', 1).x AS x

-- COMMAND ----------

-- MAGIC %python
-- MAGIC row = _sqldf.first()
-- MAGIC assert (row.numbers, row.large, row.value, row.x) == ([1, 2], [2, 3], "v", 1)

-- COMMAND ----------

SELECT explode(sequence(1, 3)) AS n

-- COMMAND ----------

SELECT posexplode(array('a', 'b'))
