-- Databricks notebook source
CREATE OR REPLACE TABLE main.default.scores AS
SELECT * FROM VALUES ('x', 'Ann', 3), ('x', 'Bo', 9), ('y', 'Cy', 4), ('y', 'Di', 4) AS s(game, player, points);
SELECT game, player FROM main.default.scores
QUALIFY row_number() OVER (PARTITION BY game ORDER BY points DESC, player) = 1
ORDER BY game

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert [tuple(row) for row in _sqldf.collect()] == [("x", "Bo"), ("y", "Cy")]
-- MAGIC rest = spark.sql("SELECT * EXCEPT (points) FROM main.default.scores")
-- MAGIC assert rest.columns == ["game", "player"]
