-- Databricks notebook source
CREATE OR REPLACE TEMPORARY VIEW orders AS
SELECT * FROM VALUES (1, 'a', 10), (2, 'a', 20), (3, 'b', 5) AS t(id, customer, amount)

-- COMMAND ----------

WITH totals AS (
  SELECT customer, sum(amount) AS total FROM orders GROUP BY customer
), best AS (
  SELECT max(total) AS total FROM totals
)
SELECT totals.customer FROM totals JOIN best ON totals.total = best.total

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().customer == "a"
