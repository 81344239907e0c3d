# Databricks notebook source
path = "/lessons/delta/merged"
dbutils.fs.rm(path, True)
spark.createDataFrame([(1, "old"), (2, "old")], "id int, state string").write.format("delta").save(path)
spark.createDataFrame([(2, "new"), (3, "new")], "id int, state string").createOrReplaceTempView("updates")

# COMMAND ----------

spark.sql(f"""
    MERGE INTO delta.`{path}` AS t USING updates AS u ON t.id = u.id
    WHEN MATCHED THEN UPDATE SET t.state = u.state
    WHEN NOT MATCHED THEN INSERT (id, state) VALUES (u.id, u.state)
""")

# COMMAND ----------

assert dict(spark.read.format("delta").load(path).collect()) == {1: "old", 2: "new", 3: "new"}
