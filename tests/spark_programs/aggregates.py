"""Groups and what is counted in them."""

from pyspark.sql import functions as F

SALES = [
    ("a", 2023, 10, 1.5),
    ("a", 2024, 20, 2.5),
    ("b", 2023, 30, None),
    ("b", 2024, None, 4.0),
    ("c", 2024, 30, 4.0),
]
COLUMNS = "shop string, year int, amount int, weight double"


def _sales(spark):
    return spark.createDataFrame(SALES, COLUMNS)


def counts(spark):
    return _sales(spark).agg(
        F.count("*"), F.count("amount"), F.countDistinct("amount"), F.approx_count_distinct("shop")
    )


def sums_and_means(spark):
    return _sales(spark).groupBy("shop").agg(F.sum("amount"), F.avg("amount"), F.sum("weight"))


def sums_of_decimals(spark):
    return spark.sql("select sum(d), avg(d), max(d) from values (1.10), (2.25) as t(d)")


def groups_in_short(spark):
    return _sales(spark).groupBy("shop").count()


def means_of_all_numbers(spark):
    return _sales(spark).groupBy("shop").mean()


def several_by_names(spark):
    return _sales(spark).groupBy("year").agg({"amount": "sum", "*": "count"})


def deviations(spark):
    return _sales(spark).agg(F.stddev("amount"), F.stddev_pop("amount"), F.variance("amount"))


def correlations(spark):
    return _sales(spark).agg(F.corr("amount", "weight"), F.covar_samp("amount", "weight"))


def shape_of_a_distribution(spark):
    return _sales(spark).agg(F.skewness("amount"), F.kurtosis("amount"))


def percentiles(spark):
    return _sales(spark).agg(
        F.expr("percentile(amount, 0.5)"), F.median("amount"), F.percentile_approx("amount", 0.5)
    )


def collected(spark):
    return (
        _sales(spark)
        .groupBy("shop")
        .agg(F.sort_array(F.collect_list("amount")), F.sort_array(F.collect_set("year")))
    )


def first_and_last(spark):
    return _sales(spark).where("shop = 'c'").agg(F.first("amount"), F.last("weight", ignorenulls=True))


def largest_by(spark):
    return _sales(spark).groupBy("year").agg(F.max_by("shop", "amount"), F.min_by("shop", "amount"))


def pivoted(spark):
    return _sales(spark).groupBy("shop").pivot("year", [2023, 2024]).sum("amount")


def pivoted_by_what_is_there(spark):
    return _sales(spark).groupBy("shop").pivot("year").agg(F.max("amount"))


def pivoted_in_sql(spark):
    _sales(spark).createOrReplaceTempView("sales_pivot")
    return spark.sql(
        "select * from (select shop, year, amount from sales_pivot) pivot (sum(amount) for year in (2023, 2024))"
    )


def unpivoted(spark):
    return spark.sql("select 1 as id, 2 as x, 3 as y").unpivot("id", ["x", "y"], "name", "value")


def rolled_up(spark):
    return _sales(spark).rollup("shop", "year").agg(F.sum("amount"), F.grouping_id())


def cubes(spark):
    return _sales(spark).cube("shop", "year").count()


def grouping_sets(spark):
    _sales(spark).createOrReplaceTempView("sales_sets")
    return spark.sql(
        "select shop, year, sum(amount) from sales_sets group by grouping sets ((shop), (year), ())"
    )


def having(spark):
    _sales(spark).createOrReplaceTempView("sales_having")
    return spark.sql("select shop, count(*) as n from sales_having group by all having n > 1")


def filtered_aggregates(spark):
    return _sales(spark).selectExpr(
        "count(*) filter (where amount > 10)", "count_if(weight > 2)", "bool_or(year = 2023)"
    )


def sums_of_nothing(spark):
    return _sales(spark).where("false").agg(F.sum("amount"), F.count("*"), F.collect_list("shop"))


def overflowing_sum(spark):
    return spark.sql("select sum(a) from values (9223372036854775807L), (1L) as t(a)")


def any_value_and_mode(spark):
    return _sales(spark).where("shop = 'c'").agg(F.any_value("shop"), F.mode("amount"))


def lists_of_texts(spark):
    return spark.sql("select listagg(x, ',') within group (order by x) from values ('b'), ('a') as t(x)")
