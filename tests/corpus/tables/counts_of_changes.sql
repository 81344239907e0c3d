-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.orders (id INT, item STRING, amount INT)

-- COMMAND ----------

INSERT INTO main.default.orders VALUES (1, 'pen', 3), (2, 'ink', 1), (3, 'pad', 8)

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.columns == ["num_affected_rows", "num_inserted_rows"]
-- MAGIC assert tuple(_sqldf.first()) == (3, 3)

-- COMMAND ----------

UPDATE main.default.orders SET amount = amount * 2 WHERE amount > 2

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().num_affected_rows == 2

-- COMMAND ----------

DELETE FROM main.default.orders WHERE item = 'ink'

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().num_affected_rows == 1

-- COMMAND ----------

MERGE INTO main.default.orders AS t
USING (SELECT * FROM VALUES (1, 'pen', 0), (3, 'pad', 1), (4, 'clip', 9) AS s(id, item, amount)) AS s
ON t.id = s.id
WHEN MATCHED AND s.amount = 0 THEN DELETE
WHEN MATCHED THEN UPDATE SET amount = s.amount
WHEN NOT MATCHED THEN INSERT *

-- COMMAND ----------

-- MAGIC %python
-- MAGIC row = _sqldf.first().asDict()
-- MAGIC assert row == {
-- MAGIC     "num_affected_rows": 3, "num_updated_rows": 1, "num_deleted_rows": 1, "num_inserted_rows": 1
-- MAGIC }, row
-- MAGIC assert [tuple(r) for r in spark.table("main.default.orders").orderBy("id").collect()] == [
-- MAGIC     (3, "pad", 1), (4, "clip", 9)
-- MAGIC ]
