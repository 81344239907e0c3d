# Databricks notebook source
from typing import Iterator

import pandas as pd
from pyspark.sql.functions import pandas_udf

@pandas_udf("long")
def plus_ten(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
    offset = 10  # as a model that is loaded once
    for batch in batches:
        yield batch + offset

assert [row[0] for row in spark.range(3).select(plus_ten("id")).collect()] == [10, 11, 12]
