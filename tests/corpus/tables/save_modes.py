# Databricks notebook source
table = "main.default.cities"
spark.sql(f"DROP TABLE IF EXISTS {table}")
first = spark.createDataFrame([("Bern", 134), ("Chur", 38)], "name string, people int")
first.write.saveAsTable(table)
first.write.mode("ignore").saveAsTable(table)
first.limit(1).write.mode("append").saveAsTable(table)
assert spark.table(table).count() == 3

# COMMAND ----------

try:
    first.write.saveAsTable(table)
except Exception as error:
    assert "already exists" in str(error), error
else:
    raise AssertionError("saved twice")

# COMMAND ----------

# Another schema needs an option, as there.
other = first.withColumnRenamed("people", "thousands")
try:
    other.write.mode("overwrite").saveAsTable(table)
except Exception as error:
    assert "schema mismatch" in str(error), error
else:
    raise AssertionError("overwritten")
other.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(table)
assert spark.table(table).columns == ["name", "thousands"]
assert spark.read.option("versionAsOf", 0).table(table).columns == ["name", "people"]
