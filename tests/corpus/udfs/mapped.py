# Databricks notebook source
def only_even(batches):
    for batch in batches:
        yield batch[batch.id % 2 == 0]

evens = spark.range(10).mapInPandas(only_even, "id long")
assert evens.count() == 5

# COMMAND ----------

import pyarrow as pa

def doubled(batches):
    for batch in batches:
        yield pa.RecordBatch.from_arrays([pa.array([2 * n for n in batch.column(0).to_pylist()])], names=["id"])

assert spark.range(3).mapInArrow(doubled, "id long").agg({"id": "sum"}).first()[0] == 6
