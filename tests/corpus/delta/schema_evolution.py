# Databricks notebook source
path = "/lessons/delta/evolved"
dbutils.fs.rm(path, True)
spark.createDataFrame([(1,)], "id int").write.format("delta").save(path)
wider = spark.createDataFrame([(2, "x")], "id int, word string")
try:
    wider.write.format("delta").mode("append").save(path)
except Exception as error:
    print("refused:", str(error)[:200])
else:
    raise AssertionError("another schema needs mergeSchema")

# COMMAND ----------

wider.write.format("delta").mode("append").option("mergeSchema", "true").save(path)
assert spark.read.format("delta").load(path).columns == ["id", "word"]
