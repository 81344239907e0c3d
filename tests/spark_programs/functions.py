"""Functions of one's own, of each kind."""

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Row
from pyspark.sql import functions as F
from pyspark.sql import types as T

ROWS = [("a", 1, 1.5), ("a", 2, None), ("b", 3, 4.0)]


def _rows(spark):
    return spark.createDataFrame(ROWS, "k string, n int, x double")


def function_of_text(spark):
    return _rows(spark).select(F.udf(lambda k: k.upper() * 2)("k").alias("y"))


def function_by_decorator(spark):
    @F.udf("int")
    def doubled(n):
        return n * 2

    return _rows(spark).select(doubled("n"))


def function_with_null(spark):
    @F.udf(returnType=T.DoubleType())
    def plus(x):
        return None if x is None else x + 1

    return _rows(spark).select(plus("x").alias("y"))


def function_that_returns_another_type(spark):
    return _rows(spark).select(
        F.udf(lambda n: n, "string")("n").alias("y"), F.udf(lambda n: n, "double")("n").alias("z")
    )


def function_of_several_columns(spark):
    return _rows(spark).select(F.udf(lambda k, n: f"{k}{n}")("k", "n").alias("y"))


def function_that_returns_a_struct(spark):
    return (
        _rows(spark)
        .select(F.udf(lambda n: Row(a=n, b=str(n)), "a int, b string")("n").alias("y"))
        .select("y.*")
    )


def function_that_returns_an_array(spark):
    return _rows(spark).select(F.udf(lambda n: list(range(n)), "array<int>")("n").alias("y"))


def function_of_a_struct(spark):
    return _rows(spark).select(F.udf(lambda row: row.n + 1, "int")(F.struct("k", "n")).alias("y"))


def function_of_a_map(spark):
    return spark.sql("select map('a', 1) as m").select(F.udf(lambda m: m["a"], "int")("m").alias("y"))


def function_in_sql(spark):
    spark.udf.register("thrice", lambda n: n * 3, "int")
    return spark.sql("select thrice(n) from values (1), (2) as t(n)")


def function_in_a_filter(spark):
    return _rows(spark).where(F.udf(lambda n: n % 2 == 1, "boolean")("n"))


def function_that_fails(spark):
    return _rows(spark).select(F.udf(lambda n: 1 / (n - 1), "double")("n").alias("y"))


def function_by_arrow(spark):
    return _rows(spark).select(F.udf(lambda n: n + 1, "int", useArrow=True)("n").alias("y"))


def pandas_function(spark):
    @F.pandas_udf("double")
    def scaled(x: pd.Series) -> pd.Series:
        return x * 10

    return _rows(spark).select(scaled("x"))


def pandas_function_of_batches(spark):
    @F.pandas_udf("long")
    def more(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        for batch in batches:
            yield batch + 1

    return _rows(spark).select(more("n"))


def pandas_function_of_two_columns(spark):
    @F.pandas_udf("double")
    def product(n: pd.Series, x: pd.Series) -> pd.Series:
        return n * x

    return _rows(spark).select(product("n", "x"))


def pandas_function_of_groups(spark):
    @F.pandas_udf("double")
    def mean(n: pd.Series) -> float:
        return float(n.mean())

    return _rows(spark).groupBy("k").agg(mean("n"))


def pandas_function_that_returns_a_struct(spark):
    @F.pandas_udf("a int, b int")
    def both(n: pd.Series) -> pd.DataFrame:
        return pd.DataFrame({"a": n, "b": n * n})

    return _rows(spark).select(both("n").alias("y")).select("y.*")


def arrow_function(spark):
    @F.arrow_udf("int")
    def plus(n: pa.Array) -> pa.Array:
        return pc.add(n, 1)

    return _rows(spark).select(plus("n"))


def groups_by_pandas(spark):
    def centred(group: pd.DataFrame) -> pd.DataFrame:
        return group.assign(n=group.n - group.n.mean())[["k", "n"]]

    return _rows(spark).groupBy("k").applyInPandas(centred, "k string, n double")


def groups_with_their_key(spark):
    def total(key, group):
        return pd.DataFrame({"k": [key[0]], "n": [group.n.sum()]})

    return _rows(spark).groupBy("k").applyInPandas(total, "k string, n long")


def groups_by_arrow(spark):
    return (
        _rows(spark).groupBy("k").applyInArrow(lambda table: table.slice(0, 1), "k string, n int, x double")
    )


def two_groups_by_pandas(spark):
    def joined(one, other):
        return one.merge(other, on="k")[["k", "n", "m"]]

    others = spark.createDataFrame([("a", 7)], "k string, m int")
    return (
        _rows(spark).groupBy("k").cogroup(others.groupBy("k")).applyInPandas(joined, "k string, n int, m int")
    )


def batches_by_pandas(spark):
    def kept(batches):
        for batch in batches:
            yield batch[batch.n > 1]

    return _rows(spark).mapInPandas(kept, "k string, n int, x double")


def batches_by_arrow(spark):
    return _rows(spark).mapInArrow(lambda batches: batches, "k string, n int, x double")


def table_function(spark):
    @F.udtf(returnType="word string, size int")
    class Words:
        def eval(self, text):
            for word in text.split():
                yield word, len(word)

    return Words(F.lit("of one mind"))


def table_function_in_sql(spark):
    class Countdown:
        def eval(self, start):
            for n in range(start, 0, -1):
                yield (n,)

    spark.udtf.register("countdown", F.udtf(Countdown, returnType="n int"))
    return spark.sql("select n from countdown(3)")


def function_of_sql(spark):
    spark.sql("create or replace temporary function squared(n int) returns int return n * n")
    return spark.sql("select squared(4)")


def transformed_by_functions(spark):
    return _rows(spark).transform(lambda frame, by: frame.withColumn("n", F.col("n") * by), by=3)


def foreach_row(spark):
    _rows(spark).foreach(lambda row: None)
    return _rows(spark).toLocalIterator().__next__().asDict()
