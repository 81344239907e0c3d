# Databricks notebook source
schema = "id int, word string"
dbutils.fs.put("/lessons/stream/in/a.csv", "1,one", True)
dbutils.fs.put("/lessons/stream/in/b.csv", "2,two", True)
stream = spark.readStream.schema(schema).csv("/lessons/stream/in")
assert stream.isStreaming
display(stream)
