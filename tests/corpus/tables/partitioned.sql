-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.visits (page STRING, hits INT, day DATE) PARTITIONED BY (day);
INSERT INTO main.default.visits VALUES ('a', 1, DATE'2024-05-01'), ('b', 2, DATE'2024-05-01'), ('a', 5, DATE'2024-05-02');
INSERT OVERWRITE main.default.visits PARTITION (day = '2024-05-01') VALUES ('c', 9);
SELECT page, hits FROM main.default.visits ORDER BY page

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [tuple(row) for row in _sqldf.collect()] == [("a", 5), ("c", 9)]

-- COMMAND ----------

SHOW PARTITIONS main.default.visits

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert sorted(row.day for row in _sqldf.collect()) == ["2024-05-01", "2024-05-02"]
-- MAGIC fresh = spark.sql("SELECT 'd' AS page, 7 AS hits, DATE'2024-05-02' AS day")
-- MAGIC writer = fresh.write.mode("overwrite").option("partitionOverwriteMode", "dynamic")
-- MAGIC writer.saveAsTable("main.default.visits")
-- MAGIC assert {row.page for row in spark.table("main.default.visits").collect()} == {"c", "d"}
