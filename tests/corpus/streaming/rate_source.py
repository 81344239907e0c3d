# Databricks notebook source
stream = spark.readStream.format("rate").option("rowsPerSecond", 5).load()
assert stream.isStreaming and stream.columns == ["timestamp", "value"]
display(stream)
