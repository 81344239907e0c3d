# Databricks notebook source
dbutils.fs.put("/lessons/stream/now/in/a.json", '{"n": 1}', True)
query = (
    spark.readStream.schema("n int").json("/lessons/stream/now/in")
    .writeStream.format("parquet").option("checkpointLocation", "/lessons/stream/now/checkpoint")
    .trigger(availableNow=True).start("/lessons/stream/now/out")
)
query.awaitTermination()
assert spark.read.parquet("/lessons/stream/now/out").count() == 1
