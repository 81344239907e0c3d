-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.events (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  happened TIMESTAMP,
  day DATE GENERATED ALWAYS AS (CAST(happened AS DATE)),
  kind STRING DEFAULT 'click'
);
INSERT INTO main.default.events (happened) VALUES ('2024-03-01 10:00:00'), ('2024-03-02 11:00:00');
INSERT INTO main.default.events (happened, kind) VALUES ('2024-03-03 12:00:00', 'key');
SELECT id, CAST(day AS STRING) AS day, kind FROM main.default.events ORDER BY id

-- COMMAND ----------

-- MAGIC %python
-- MAGIC rows = [tuple(row) for row in _sqldf.collect()]
-- MAGIC assert [row[0] for row in rows] == [1, 2, 3], rows
-- MAGIC assert [row[1:] for row in rows][-1] == ("2024-03-03", "key")
-- MAGIC assert {row[2] for row in rows} == {"click", "key"}
