# Databricks notebook source
from pyspark.errors import AnalysisException

try:
    spark.read.csv("/no/such/file.csv").show()
except AnalysisException as error:
    print(error)
    assert "PATH_NOT_FOUND" in str(error)
else:
    raise AssertionError("a missing file is an error")
