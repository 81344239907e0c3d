-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.adults (
  id INT NOT NULL,
  born DATE,
  CONSTRAINT adult CHECK (born < '2006-01-01')
);
ALTER TABLE main.default.adults ADD CONSTRAINT positive CHECK (id > 0);
INSERT INTO main.default.adults VALUES (1, '1990-04-01')

-- COMMAND ----------

-- MAGIC %python
-- MAGIC for values, said in (
-- MAGIC     ("(NULL, '1990-01-01')", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED"),
-- MAGIC     ("(2, '2020-01-01')", "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES"),
-- MAGIC     ("(-2, '1990-01-01')", "positive"),
-- MAGIC     ("('two', '1990-01-01')", "CAST_INVALID_INPUT"),
-- MAGIC ):
-- MAGIC     try:
-- MAGIC         spark.sql(f"INSERT INTO main.default.adults VALUES {values}")
-- MAGIC     except Exception as error:
-- MAGIC         assert said in str(error), error
-- MAGIC     else:
-- MAGIC         raise AssertionError(values)
-- MAGIC assert spark.table("main.default.adults").count() == 1

-- COMMAND ----------

ALTER TABLE main.default.adults DROP CONSTRAINT positive;
INSERT INTO main.default.adults VALUES (-2, '1990-01-01')
