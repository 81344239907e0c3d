-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.salaries AS SELECT * FROM VALUES ('a', 10), ('b', 20), ('b', 30) AS s(team, pay);
CREATE OR REPLACE VIEW main.default.by_team (team COMMENT 'who', mean) AS SELECT team, avg(pay) FROM main.default.salaries GROUP BY team;
CREATE OR REPLACE VIEW main.default.rich AS SELECT team FROM main.default.by_team WHERE mean > 15;
SELECT * FROM main.default.rich

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [row.team for row in _sqldf.collect()] == ["b"]
-- MAGIC assert spark.table("main.default.by_team").columns == ["team", "mean"]
-- MAGIC # A view has the rows that its tables have now.
-- MAGIC spark.sql("INSERT INTO main.default.salaries VALUES ('a', 100)")
-- MAGIC assert spark.table("main.default.rich").count() == 2
-- MAGIC shown = {row.viewName for row in spark.sql("SHOW VIEWS IN main.default").collect()}
-- MAGIC assert {"by_team", "rich"} <= shown

-- COMMAND ----------

ALTER VIEW main.default.rich AS SELECT team, mean FROM main.default.by_team;
DROP VIEW main.default.rich;
DROP VIEW IF EXISTS main.default.rich
