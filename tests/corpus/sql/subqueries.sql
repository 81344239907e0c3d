-- Databricks notebook source
CREATE OR REPLACE TEMP VIEW staff AS SELECT * FROM VALUES (1, 'it', 10), (2, 'it', 20), (3, 'hr', 15) AS t(id, team, pay);

-- COMMAND ----------

SELECT id FROM staff s WHERE pay > (SELECT avg(pay) FROM staff t WHERE t.team = s.team)

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [row.id for row in _sqldf.collect()] == [2]

-- COMMAND ----------

SELECT team FROM staff WHERE EXISTS (SELECT 1 FROM staff x WHERE x.pay > 15 AND x.team = staff.team) GROUP BY team
