"""Window functions."""

from pyspark.sql import Window
from pyspark.sql import functions as F

DAYS = [("a", 1, 10), ("a", 2, 20), ("a", 3, 20), ("b", 1, 5), ("b", 4, None)]


def _days(spark):
    return spark.createDataFrame(DAYS, "k string, day int, amount int")


def _in_order():
    return Window.partitionBy("k").orderBy("day")


def ranks(spark):
    by_amount = Window.partitionBy("k").orderBy("amount")
    return _days(spark).select("k", "day", F.rank().over(by_amount), F.dense_rank().over(by_amount))


def row_numbers(spark):
    return _days(spark).select("k", "day", F.row_number().over(_in_order()), F.ntile(2).over(_in_order()))


def shares_of_ranks(spark):
    return _days(spark).select(
        "k", "day", F.percent_rank().over(_in_order()), F.cume_dist().over(_in_order())
    )


def neighbours(spark):
    return _days(spark).select(
        "k", F.lag("amount").over(_in_order()), F.lead("amount", 2, 0).over(_in_order())
    )


def running_sums(spark):
    return _days(spark).select("k", "day", F.sum("amount").over(_in_order()))


def sums_of_partitions(spark):
    return _days(spark).select("k", F.col("amount") / F.sum("amount").over(Window.partitionBy("k")))


def moving_means(spark):
    return _days(spark).select("k", "day", F.avg("amount").over(_in_order().rowsBetween(-1, 0)))


def ranges(spark):
    return _days(spark).select("k", "day", F.count("*").over(_in_order().rangeBetween(-1, 0)))


def first_and_last(spark):
    whole = _in_order().rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    return _days(spark).select(
        "k", F.first("amount").over(whole), F.last("amount", ignorenulls=True).over(whole)
    )


def largest_of_each(spark):
    ranked = _days(spark).withColumn(
        "n", F.row_number().over(Window.partitionBy("k").orderBy(F.desc("amount")))
    )
    return ranked.where("n = 1").drop("n")


def windows_of_all(spark):
    return _days(spark).select("day", F.max("amount").over(Window.orderBy("k", "day")))


def distinct_in_a_window(spark):
    return _days(spark).select("k", F.size(F.collect_set("amount").over(Window.partitionBy("k"))))


def named_windows(spark):
    _days(spark).createOrReplaceTempView("days_named")
    return spark.sql(
        "select k, sum(amount) over w, count(*) over w from days_named window w as (partition by k order by day)"
    )


def qualified(spark):
    _days(spark).createOrReplaceTempView("days_qualified")
    return spark.sql(
        "select k, day from days_qualified where (k, day) in (select k, max(day) from days_qualified group by k)"
    )


def nth_values(spark):
    return _days(spark).select("k", "day", F.nth_value("amount", 2).over(_in_order()))


def intervals_as_ranges(spark):
    return spark.sql(
        "select d, count(*) over (order by d range between interval 1 day preceding and current row) from values"
        " (date'2024-01-01'), (date'2024-01-02'), (date'2024-01-04') as t(d)"
    )
