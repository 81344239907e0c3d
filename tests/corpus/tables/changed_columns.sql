-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.staff (id INT, name STRING);
INSERT INTO main.default.staff VALUES (1, 'Ann');
ALTER TABLE main.default.staff ADD COLUMNS (office STRING COMMENT 'where', age INT AFTER id);
ALTER TABLE main.default.staff ALTER COLUMN name COMMENT 'first name';
SELECT * FROM main.default.staff

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert tuple(_sqldf.first()) == (1, None, "Ann", None)
-- MAGIC try:
-- MAGIC     spark.sql("ALTER TABLE main.default.staff RENAME COLUMN office TO room")
-- MAGIC except Exception as error:
-- MAGIC     assert "DELTA_UNSUPPORTED_RENAME_COLUMN" in str(error), error
-- MAGIC else:
-- MAGIC     raise AssertionError("renamed")

-- COMMAND ----------

ALTER TABLE main.default.staff SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name');
ALTER TABLE main.default.staff RENAME COLUMN office TO room;
ALTER TABLE main.default.staff DROP COLUMN age;
UPDATE main.default.staff SET room = '4b';
INSERT INTO main.default.staff VALUES (2, 'Bo', '5c');
SELECT * FROM main.default.staff ORDER BY id

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [tuple(row) for row in _sqldf.collect()] == [(1, "Ann", "4b"), (2, "Bo", "5c")]
-- MAGIC columns = {row.col_name: row.comment for row in spark.sql("DESCRIBE main.default.staff").collect()}
-- MAGIC assert columns == {"id": None, "name": "first name", "room": "where"}, columns
