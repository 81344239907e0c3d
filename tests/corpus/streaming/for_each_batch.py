# Databricks notebook source
# alone: Spark waits no longer than 10 s for the process that calls the function
def keep(batch, number):
    batch.write.mode("append").parquet("/lessons/stream/batches/out")

dbutils.fs.put("/lessons/stream/batches/in/a.csv", "1", True)
query = (
    spark.readStream.schema("n int").csv("/lessons/stream/batches/in").writeStream.foreachBatch(keep)
    .option("checkpointLocation", "/lessons/stream/batches/checkpoint").trigger(availableNow=True).start()
)
query.awaitTermination()
assert spark.read.parquet("/lessons/stream/batches/out").count() == 1
