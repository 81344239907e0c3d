# Databricks notebook source
words = spark.sparkContext.parallelize(["a", "b", "a"])
assert dict(words.map(lambda word: (word, 1)).reduceByKey(lambda x, y: x + y).collect()) == {"a": 2, "b": 1}
