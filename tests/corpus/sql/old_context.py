# Databricks notebook source
# MAGIC %md Lessons of the time before `spark`.

# COMMAND ----------

people = sqlContext.createDataFrame([("Ada", 36), ("Bob", 20)], ["name", "age"])
sqlContext.registerDataFrameAsTable(people, "old_people")
assert sqlContext.sql("SELECT name FROM old_people WHERE age > 30").first().name == "Ada"
assert "old_people" in sqlContext.tableNames()
sqlContext.setConf("spark.sql.shuffle.partitions", "4")
assert sqlContext.getConf("spark.sql.shuffle.partitions") == "4"
sqlContext.clearCache()
sqlContext.dropTempTable("old_people")

# COMMAND ----------

# MAGIC %
