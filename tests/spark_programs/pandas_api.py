"""The pandas API on Spark, and pandas itself."""

import warnings

import pandas as pd

warnings.simplefilter("ignore")

DATA = {"k": ["a", "b", "a"], "n": [1, 2, 3], "x": [1.5, None, 2.5]}


def _frame(spark):
    import pyspark.pandas as ps

    return ps.DataFrame(DATA)


def _shown(result):
    """A result of pandas, in order."""
    return result.to_pandas().reset_index().to_dict("list")


def created(spark):
    return _shown(_frame(spark).sort_values("n"))


def columns_added(spark):
    table = _frame(spark)
    table["double"] = table.n * 2
    return _shown(table.sort_index())


def filtered(spark):
    table = _frame(spark)
    return _shown(table[table.n > 1].sort_index())


def grouped(spark):
    return _shown(_frame(spark).groupby("k").n.sum().sort_index())


def grouped_by_several(spark):
    return _shown(_frame(spark).groupby("k").agg({"n": "max", "x": "mean"}).sort_index())


def filled(spark):
    return _shown(_frame(spark).fillna(0).sort_index())


def merged(spark):
    import pyspark.pandas as ps

    return _shown(_frame(spark).merge(ps.DataFrame({"k": ["a"], "m": [9]}), on="k").sort_values("n"))


def described(spark):
    return _shown(_frame(spark)[["n"]].describe())


def counted(spark):
    return _shown(_frame(spark).k.value_counts().sort_index())


def applied(spark):
    return _shown(_frame(spark).n.apply(lambda n: n + 0.5).sort_index())


def pivoted(spark):
    return _shown(_frame(spark).pivot_table(values="n", index=["k"], columns="x", aggfunc="sum").sort_index())


def transposed(spark):
    return _shown(_frame(spark)[["n", "x"]].transpose().sort_index())


def located(spark):
    table = _frame(spark).set_index("k")
    return _shown(table.loc[["b"], ["n"]])


def shifted(spark):
    return _shown(_frame(spark).n.shift(1).sort_index())


def moving_means(spark):
    return _shown(_frame(spark).n.rolling(2).mean().sort_index())


def texts(spark):
    return _shown(_frame(spark).k.str.upper().sort_index())


def sums(spark):
    return [int(_frame(spark).n.sum()), float(_frame(spark).x.mean()), _frame(spark).shape]


def concatenated(spark):
    import pyspark.pandas as ps

    return _shown(
        ps.concat([_frame(spark), _frame(spark)], ignore_index=True)
        .sort_values(["n", "k"])
        .reset_index(drop=True)
    )


def queried_by_sql(spark):
    import pyspark.pandas as ps

    return _shown(ps.sql("select k, sum(n) as n from {t} group by k order by k", t=_frame(spark)))


def to_spark(spark):
    return _frame(spark).to_spark()


def from_spark(spark):
    return _shown(spark.range(3).pandas_api().sort_values("id"))


def from_pandas(spark):
    return spark.createDataFrame(pd.DataFrame(DATA))


def to_pandas(spark):
    table = spark.sql(
        "select 1 as i, 2L as l, 1.5 as d, 'a' as s, date'2024-01-02' as day, timestamp'2024-01-02 03:04:05' as t, true as b"
    )
    pandas = table.toPandas()
    return [[str(kind) for kind in pandas.dtypes], pandas.astype(str).to_dict("list")]


def dates_of_pandas(spark):
    return spark.createDataFrame(pd.DataFrame({"t": pd.to_datetime(["2024-01-02 03:04:05", None])}))


def to_arrow(spark):
    return [str(spark.sql("select 1 as i, 'a' as s, array(1L) as a").toArrow().schema)]
