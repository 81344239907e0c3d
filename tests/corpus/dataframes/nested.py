# Databricks notebook source
from pyspark.sql.functions import col, explode, from_json, get_json_object, size, struct, to_json, transform
from pyspark.sql.types import ArrayType, IntegerType, StringType, StructField, StructType

schema = StructType([StructField("user", StringType()), StructField("scores", ArrayType(IntegerType()))])
lines = spark.createDataFrame([('{"user": "ada", "scores": [1, 2]}',), ('{"user": "bob", "scores": []}',)], ["line"])

# COMMAND ----------

parsed = lines.select(from_json("line", schema).alias("data")).select("data.*")
display(parsed)
assert parsed.select("user", explode("scores").alias("score")).count() == 2
assert parsed.select(size("scores")).collect()[1][0] == 0

# COMMAND ----------

doubled = parsed.select(transform("scores", lambda n: n * 2).alias("twice")).first().twice
assert doubled == [2, 4]
assert lines.select(get_json_object("line", "$.user")).first()[0] == "ada"
back = parsed.select(to_json(struct("user")).alias("j")).first().j
assert back == '{"user":"ada"}'
