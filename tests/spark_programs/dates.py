"""Dates, timestamps and intervals."""

from pyspark.sql import functions as F

DAYS = "select date(d) as d from values ('2024-01-31'), ('2023-02-28'), (null) as t(d)"
TIMES = "select timestamp(t) as t from values ('2024-01-31 23:59:58.123456'), ('1969-12-31 00:00:00') as t(t)"


def parts_of_dates(spark):
    return spark.sql(DAYS).select(
        F.year("d"), F.month("d"), F.dayofmonth("d"), F.quarter("d"), F.weekofyear("d")
    )


def days_of_the_week(spark):
    return spark.sql(DAYS).select(F.dayofweek("d"), F.weekday("d"), F.dayofyear("d"), F.dayname("d"))


def dates_moved(spark):
    return spark.sql(DAYS).select(
        F.date_add("d", 1), F.date_sub("d", 31), F.add_months("d", 1), F.last_day("d")
    )


def between_dates(spark):
    return spark.sql(
        "select datediff('2024-03-01', '2024-02-01'), months_between('2024-03-31', '2024-02-29')"
    )


def dates_subtracted(spark):
    return spark.sql("select date'2024-03-01' - date'2024-02-01' as days")


def date_plus_integer(spark):
    return spark.sql(DAYS).select(F.col("d") + 1)


def date_plus_interval(spark):
    return spark.sql("select date'2024-01-31' + interval 1 month, date'2024-01-31' + interval 1 day")


def timestamps_subtracted(spark):
    return spark.sql("select timestamp'2024-01-02 00:00:00' - timestamp'2024-01-01 12:00:00' as gap")


def timestamp_plus_interval(spark):
    return spark.sql(TIMES).select(
        F.col("t") + F.expr("interval 2 hours"), F.col("t") - F.expr("interval 1 month")
    )


def truncated_dates(spark):
    return spark.sql(DAYS).select(F.trunc("d", "month"), F.trunc("d", "year"), F.trunc("d", "week"))


def truncated_timestamps(spark):
    return spark.sql(TIMES).select(F.date_trunc("hour", "t"), F.date_trunc("quarter", "t"))


def parts_of_times(spark):
    return spark.sql(TIMES).select(
        F.hour("t"), F.minute("t"), F.second("t"), F.expr("extract(second from t)")
    )


def dates_as_texts(spark):
    return spark.sql(DAYS).select(F.date_format("d", "dd.MM.yyyy"), F.date_format("d", "EEE, MMM d yy"))


def times_as_texts(spark):
    return spark.sql(TIMES).select(
        F.date_format("t", "yyyy-MM-dd HH:mm:ss.SSS"), F.date_format("t", "h:mm a")
    )


def texts_as_dates(spark):
    return spark.sql("select to_date('31/01/2024', 'dd/MM/yyyy'), to_date('2024-01-31'), to_date('2024')")


def texts_as_times(spark):
    return spark.sql(
        "select to_timestamp('31.01.2024 5:06', 'dd.MM.yyyy H:mm'), to_timestamp('2024-01-31T05:06:07Z')"
    )


def texts_that_are_no_dates(spark):
    return spark.sql(
        "select to_date(d, 'yyyy-MM-dd') from values ('2024-13-01'), ('x'), ('2024-01-02') as t(d)"
    )


def texts_that_may_be_dates(spark):
    return spark.sql("select try_to_timestamp('x'), try_to_timestamp('2024-01-02')")


def seconds_since_1970(spark):
    return spark.sql("select unix_timestamp('2024-01-31 00:00:00'), from_unixtime(0), timestamp_seconds(1.5)")


def other_epochs(spark):
    return spark.sql(
        "select timestamp_millis(1700000000123), unix_millis(timestamp'1970-01-01 00:00:01'), unix_date(date'1970-01-02')"
    )


def time_zones(spark):
    return spark.sql(
        "select from_utc_timestamp('2024-07-01 12:00:00', 'Europe/Berlin'), to_utc_timestamp('2024-01-01', 'Asia/Tokyo')"
    )


def dates_made(spark):
    return spark.sql("select make_date(2024, 2, 29), make_timestamp(2024, 2, 29, 1, 2, 3.5)")


def dates_that_cannot_be_made(spark):
    return spark.sql("select make_date(2023, 2, 29)")


def next_days(spark):
    return spark.sql("select next_day('2024-01-31', 'Mon'), date_part('doy', date'2024-02-01')")


def dates_compared_with_texts(spark):
    return spark.sql(DAYS).where(F.col("d") >= "2024-01-01")


def dates_between_texts(spark):
    return spark.sql(DAYS).where("d between '2023-01-01' and '2023-12-31'")


def intervals(spark):
    return spark.sql(
        "select interval '1' day as a, interval '2-3' year to month as b, make_interval(1, 2) is null"
    )


def sequences_of_dates(spark):
    return spark.sql("select explode(sequence(date'2024-01-30', date'2024-02-02', interval 1 day)) as d")


def dates_of_python(spark):
    import datetime

    rows = [(datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, 3, 4, 5))]
    return spark.createDataFrame(rows, ["d", "t"])


def times_without_a_zone(spark):
    return spark.sql(
        "select timestamp_ntz'2024-01-02 03:04:05' as t, cast(timestamp_ntz'2024-01-02 03:04:05' as date)"
    )


def times_in_windows(spark):
    return (
        spark.sql(TIMES)
        .groupBy(F.window("t", "1 hour"))
        .count()
        .select("window.start", "window.end", "count")
    )
