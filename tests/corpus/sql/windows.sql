-- Databricks notebook source
CREATE OR REPLACE TEMP VIEW marks AS SELECT * FROM VALUES ('x', 1, 3), ('x', 2, 5), ('y', 1, 4) AS t(who, turn, mark);
SELECT who, turn, sum(mark) OVER (PARTITION BY who ORDER BY turn) AS running, rank() OVER (ORDER BY mark DESC) AS place FROM marks

-- COMMAND ----------

-- MAGIC %python
-- MAGIC rows = {(row.who, row.turn): (row.running, row.place) for row in _sqldf.collect()}
-- MAGIC assert rows == {("x", 1): (3, 3), ("x", 2): (8, 1), ("y", 1): (4, 2)}
