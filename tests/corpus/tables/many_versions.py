# Databricks notebook source
spark.sql("CREATE OR REPLACE TABLE main.default.grown (n INT)")
for n in range(1, 13):
    spark.sql(f"INSERT INTO main.default.grown VALUES ({n})")
spark.sql("UPDATE main.default.grown SET n = n * 100 WHERE n > 6")

# COMMAND ----------

# Checkpoints of the log hide no version.
for version in (0, 1, 6, 10, 12):
    assert spark.sql(f"SELECT max(n) AS n FROM main.default.grown VERSION AS OF {version}").first().n == (version or None)
    assert spark.read.option("versionAsOf", version).table("main.default.grown").count() == version
assert spark.table("main.default.grown").where("n > 100").count() == 6
spark.sql("RESTORE main.default.grown TO VERSION AS OF 3")
assert spark.table("main.default.grown").count() == 3
