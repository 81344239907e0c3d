-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.parts AS SELECT 1 AS id;
INSERT INTO main.default.parts VALUES (2);
INSERT INTO main.default.parts VALUES (3);
OPTIMIZE main.default.parts ZORDER BY (id)

-- COMMAND ----------

-- MAGIC %python
-- MAGIC metrics = _sqldf.first().metrics
-- MAGIC assert (metrics.numFilesAdded, metrics.numFilesRemoved) == (1, 3)

-- COMMAND ----------

SET spark.databricks.delta.retentionDurationCheck.enabled = false;
VACUUM main.default.parts RETAIN 0 HOURS DRY RUN

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.count() == 3
-- MAGIC spark.sql("VACUUM main.default.parts RETAIN 0 HOURS")
-- MAGIC assert sorted(row.id for row in spark.table("main.default.parts").collect()) == [1, 2, 3]
-- MAGIC spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "true")
-- MAGIC try:
-- MAGIC     spark.sql("VACUUM main.default.parts RETAIN 1 HOURS")
-- MAGIC except Exception as error:
-- MAGIC     assert "retention period" in str(error), error
-- MAGIC else:
-- MAGIC     raise AssertionError("vacuumed")
