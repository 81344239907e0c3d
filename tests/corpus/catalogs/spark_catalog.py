# Databricks notebook source
spark.sql("CREATE SCHEMA IF NOT EXISTS lesson_api")
spark.catalog.setCurrentDatabase("lesson_api")
spark.range(2).write.mode("overwrite").saveAsTable("numbers")
spark.range(3).createOrReplaceTempView("passing")
tables = {table.name: table.tableType for table in spark.catalog.listTables()}
assert tables == {"numbers": "MANAGED", "passing": "TEMPORARY"}, tables
assert spark.catalog.tableExists("numbers") and spark.catalog.tableExists("main.lesson_api.numbers")
assert not spark.catalog.tableExists("nothing")
assert [column.dataType for column in spark.catalog.listColumns("numbers")] == ["bigint"]
assert "lesson_api" in [database.name for database in spark.catalog.listDatabases()]

# COMMAND ----------

# A temporary view goes before a table of its name.
spark.sql("CREATE OR REPLACE TEMP VIEW numbers AS SELECT 'mine' AS word")
assert spark.table("numbers").first().word == "mine"
assert spark.table("lesson_api.numbers").count() == 2
spark.catalog.dropTempView("numbers")
assert spark.table("numbers").count() == 2
spark.catalog.setCurrentDatabase("default")
