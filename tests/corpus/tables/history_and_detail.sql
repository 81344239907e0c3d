-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.notes (id INT, text STRING) TBLPROPERTIES ('team' = 'writers');
INSERT INTO main.default.notes VALUES (1, 'a'), (2, 'b');
MERGE INTO main.default.notes t USING (SELECT 2 AS id, 'B' AS text) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET *;
DESCRIBE HISTORY main.default.notes

-- COMMAND ----------

-- MAGIC %python
-- MAGIC rows = _sqldf.collect()
-- MAGIC assert [row.version for row in rows] == [2, 1, 0]
-- MAGIC assert [row.operation for row in rows][:2] == ["MERGE", "WRITE"]
-- MAGIC assert rows[1].operationMetrics["numOutputRows"] == "2"
-- MAGIC assert _sqldf.columns[:2] == ["version", "timestamp"] and "engineInfo" in _sqldf.columns

-- COMMAND ----------

DESCRIBE DETAIL main.default.notes

-- COMMAND ----------

-- MAGIC %python
-- MAGIC detail = _sqldf.first()
-- MAGIC assert (detail.format, detail.name, detail.properties["team"]) == ("delta", "main.default.notes", "writers")
-- MAGIC assert detail.numFiles >= 1 and detail.sizeInBytes > 0
