-- Databricks notebook source
CREATE TABLE stock (id INT, item STRING, amount INT);
INSERT INTO stock VALUES (1, 'pen', 10), (2, 'book', 5), (3, 'bag', 1);
UPDATE stock SET amount = amount + 1 WHERE item = 'pen';
DELETE FROM stock WHERE amount < 2;

-- COMMAND ----------

MERGE INTO stock USING (SELECT 2 AS id, 'book' AS item, 7 AS amount) AS fresh ON stock.id = fresh.id
WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *

-- COMMAND ----------

SELECT item, amount FROM stock ORDER BY id

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [tuple(row) for row in _sqldf.collect()] == [("pen", 11), ("book", 7)]

-- COMMAND ----------

DESCRIBE stock;
TRUNCATE TABLE stock;
SELECT count(*) AS n FROM stock

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert _sqldf.first().n == 0
