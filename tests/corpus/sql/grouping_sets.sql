-- Databricks notebook source
CREATE OR REPLACE TEMP VIEW sold AS SELECT * FROM VALUES ('n', 'a', 1), ('n', 'b', 2), ('s', 'a', 4) AS t(region, item, amount);
SELECT region, item, sum(amount) AS total FROM sold GROUP BY ROLLUP (region, item)

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.count() == 6 and _sqldf.filter("region IS NULL").first().total == 7

-- COMMAND ----------

SELECT CASE WHEN amount > 1 THEN 'many' ELSE 'few' END AS size, count(*) AS n FROM sold GROUP BY 1 HAVING count(*) > 1
