-- Databricks notebook source
CREATE SCHEMA IF NOT EXISTS `lesson-names`;
USE SCHEMA `lesson-names`;
CREATE OR REPLACE TABLE `größe` (`länge` INT, `b-c` STRING);
INSERT INTO `GRÖßE` VALUES (3, 'x');
CREATE OR REPLACE TABLE main.`lesson-names`.`表` AS SELECT * FROM `größe`;
SELECT `表`.`länge`, `lesson-names`.`表`.`b-c` FROM `lesson-names`.`表`

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert tuple(_sqldf.first()) == (3, "x")
-- MAGIC names = [row.tableName for row in spark.sql("SHOW TABLES").collect() if not row.isTemporary]
-- MAGIC assert sorted(names) == sorted(["größe", "表"]), names
