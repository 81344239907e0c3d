"""Tables as a whole: missing values, columns, order, statistics, SQL."""

from pyspark.sql import functions as F

ROWS = [(1, "a", 1.5), (2, None, None), (None, "c", float("nan")), (1, "a", 1.5)]


def _rows(spark):
    return spark.createDataFrame(ROWS, "id int, name string, x double")


def _values(frame):
    """Rows in their order."""
    return [list(row) for row in frame.collect()]


def missing_dropped(spark):
    return _rows(spark).na.drop(subset=["name"]).union(_rows(spark).dropna(thresh=3))


def missing_filled(spark):
    return _rows(spark).fillna({"id": 0, "name": "?", "x": -1.0})


def missing_filled_with_a_number(spark):
    return _rows(spark).na.fill(0)


def values_replaced(spark):
    return _rows(spark).replace("a", "z", "name").replace({1: 10}, subset=["id"])


def nulls_in_functions(spark):
    return _rows(spark).select(
        F.coalesce("name", F.lit("?")), F.nvl("id", F.lit(0)), F.nullif("id", F.lit(1))
    )


def order_with_nulls(spark):
    return _values(_rows(spark).orderBy("id", F.desc("name"))) + _values(
        _rows(spark).orderBy(F.asc_nulls_last("id"))
    )


def order_of_not_a_number(spark):
    return [str(row.x) for row in _rows(spark).orderBy(F.desc("x")).collect()]


def order_of_texts(spark):
    return _values(
        spark.sql("select * from values ('b'), ('B'), ('é'), ('a'), ('10'), ('9') as t(a) order by a")
    )


def first_rows(spark):
    table = spark.range(5).orderBy(F.desc("id"))
    return [
        _values(table.limit(2)),
        list(table.first()),
        [list(row) for row in table.tail(1)],
        _values(table.offset(3)),
    ]


def columns_renamed(spark):
    return (
        _rows(spark)
        .withColumnRenamed("id", "n")
        .withColumn("y", F.col("x") * 2)
        .drop("x")
        .toDF("p", "q", "r")
    )


def columns_by_pattern(spark):
    return _rows(spark).select(_rows(spark).colRegex("`(id|x)`"))


def names_without_alias(spark):
    return (
        _rows(spark)
        .select(
            F.col("id") + 1, F.upper("name"), F.lit("x"), F.when(F.col("id") > 1, 2), F.col("x").cast("int")
        )
        .columns
    )


def names_without_alias_in_sql(spark):
    return spark.sql(
        "select 1 + 1, upper('a'), count(*), cast('1' as int), 2 > 1, -1, 1.0, null, array(1)[0]"
    ).columns


def names_of_windows(spark):
    return spark.sql("select sum(id) over (order by id) from range(2)").columns


def columns_in_other_case(spark):
    return _rows(spark).select("ID", F.col("Name"))


def names_with_dots(spark):
    return spark.createDataFrame([(1,)], ["a.b"]).select("`a.b`")


def described(spark):
    return _rows(spark).select("id", "name").describe()


def summarised(spark):
    return _rows(spark).select("id").summary("count", "min", "25%", "max")


def crossed(spark):
    return _rows(spark).crosstab("id", "name")


def quantiles(spark):
    return spark.range(11).approxQuantile("id", [0.5], 0.0)


def correlation(spark):
    return spark.range(5).withColumn("y", F.col("id") * 2).stat.corr("id", "y")


def frequent_items(spark):
    return _rows(spark).na.drop().freqItems(["name"])


def sample_by_seed(spark):
    return spark.range(100).sample(0.1, seed=1).count() > 0


def random_numbers(spark):
    return spark.range(3).select((F.rand(1) < 1), (F.randn(1) < 100))


def counted_ids(spark):
    return spark.range(3).select(F.monotonically_increasing_id() >= 0)


def split_at_random(spark):
    return sum(part.count() for part in spark.range(20).randomSplit([0.5, 0.5], seed=1))


def partitions(spark):
    return spark.range(10).repartition(2).select(F.spark_partition_id()).distinct().count()


def schema_as_text(spark):
    return _rows(spark).withColumn("a", F.array("id")).dtypes


def shown(spark):
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as written:
        _rows(spark).show()
        _rows(spark).printSchema()
        spark.sql("select 'a long text that does not fit' as t, array(1, null) as a, 1e20D as x").show(
            vertical=True
        )
    return written.getvalue().splitlines()


def rows_of_dictionaries(spark):
    return spark.createDataFrame([{"a": 1, "b": "x"}, {"a": 2}])


def mixed_types_of_python(spark):
    import decimal

    return spark.createDataFrame(
        [(1, 2.5, "a", True, decimal.Decimal("1.20"), b"x", [1], {"k": 1})], list("abcdefgh")
    )


def parameters_of_sql(spark):
    return spark.sql("select :n + 1 as n, :t as t", args={"n": 1, "t": "it's"})


def parameters_by_position(spark):
    return spark.sql("select ? as a, ? as b", args=[1, "x"])


def recursive_query(spark):
    return spark.sql(
        "with recursive r(n) as (select 1 union all select n + 1 from r where n < 4) select * from r"
    )


def common_tables(spark):
    return spark.sql("with a as (select 1 as x), b as (select x + 1 as y from a) select * from a, b")


def stars_without_columns(spark):
    return spark.sql("select * except (b) from values (1, 2, 3) as t(a, b, c)")


def aliases_that_are_used_again(spark):
    return spark.sql("select 1 as a, a + 1 as b")


def ordinals_in_sql(spark):
    return spark.sql("select a, count(*) from values ('x'), ('x'), ('y') as t(a) group by 1 order by 2")


def query_by_pipes(spark):
    return spark.sql("from values (1), (2), (3) as t(a) |> where a > 1 |> select a * 2 as b")


def tables_by_range(spark):
    return spark.sql("select id from range(1, 4) union all select * from explode(array(9))")


def stacked(spark):
    return spark.sql("select stack(2, 1, 'a', 2, 'b') as (n, t)")


def rows_sampled_in_sql(spark):
    return spark.sql("select count(*) < 101 from (select * from range(100)) tablesample (50 percent)")


def literals(spark):
    return spark.sql(
        "select 1L, 1S, 1Y, 1.5F, 1.5D, 1.5BD, 1e3, 'a' 'b', r'\\n', x'1F', true, interval 1 day"
    )


def escapes(spark):
    return spark.sql(r"select 'it\'s', 'a\nb', '\u00e9', 'tab\t', '%\_'")


def types_by_name(spark):
    return spark.sql(
        "select typeof(1), typeof(1.5), typeof('a'), typeof(array(1)), typeof(map('a', 1)), typeof(null)"
    )


def missing_column(spark):
    return _rows(spark).select("nothing")


def missing_table(spark):
    return spark.sql("select * from nothing_at_all")


def missing_function(spark):
    return spark.sql("select no_such_function(1)")


def wrong_grammar(spark):
    return spark.sql("selec 1")


def error_on_purpose(spark):
    return spark.sql("select raise_error('no')")


def assertion(spark):
    return spark.sql("select assert_true(1 < 2)")


def temporary_views(spark):
    _rows(spark).createOrReplaceTempView("rows_listed")
    return [
        "rows_listed" in [each.name for each in spark.catalog.listTables()],
        spark.catalog.tableExists("rows_listed"),
    ]


def session_variables(spark):
    spark.sql("declare or replace variable limit_of int default 2")
    return spark.sql("select limit_of + 1")
