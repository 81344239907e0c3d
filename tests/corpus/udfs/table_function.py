# Databricks notebook source
from pyspark.sql.functions import lit, udtf

@udtf(returnType="word: string, size: int")
class Words:
    def eval(self, text: str):
        for word in text.split():
            yield word, len(word)

rows = Words(lit("to be or not")).collect()
assert [(row.word, row["size"]) for row in rows] == [("to", 2), ("be", 2), ("or", 2), ("not", 3)]
spark.udtf.register("words", Words)
assert spark.sql("SELECT * FROM words('a bc')").count() == 2
