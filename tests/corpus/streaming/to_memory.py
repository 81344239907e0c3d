# Databricks notebook source
import time

dbutils.fs.put("/lessons/stream/memory/a.csv", "1", True)
query = spark.readStream.schema("n int").csv("/lessons/stream/memory").writeStream.format("memory").queryName("kept").start()
query.processAllAvailable()
assert spark.table("kept").count() == 1
query.stop()
