"""Casts, of texts that fit and of texts that do not."""

from pyspark.sql import functions as F

TEXTS = "select * from values ('1.5'), ('x'), (' 2 '), (''), (null), ('1e2') as t(a)"


def text_to_double(spark):
    return spark.sql("select * from values ('1.5'), (' 2 '), (null), ('1e2') as t(a)").select(
        F.col("a").cast("double")
    )


def invalid_text_to_double(spark):
    return spark.sql(TEXTS).select("a", F.col("a").cast("double").alias("x"))


def invalid_text_to_integer(spark):
    return spark.sql(TEXTS).select("a", F.col("a").cast("int").alias("x"))


def fraction_to_integer(spark):
    return spark.sql("select cast('1.5' as int), cast('12' as int), cast('-0.9' as bigint)")


def invalid_text_to_decimal(spark):
    return spark.sql(TEXTS).select("a", F.col("a").cast("decimal(5,1)").alias("x"))


def invalid_text_to_date(spark):
    return spark.sql("select cast(a as date) from values ('2024-02-30'), ('2024-02-29'), ('x') as t(a)")


def invalid_text_to_timestamp(spark):
    return spark.sql(
        "select cast(a as timestamp) from values ('2024-02-29 25:00:00'), ('2024-02-29') as t(a)"
    )


def invalid_text_to_boolean(spark):
    return spark.sql("select cast(a as boolean) from values ('yes'), ('0'), ('t'), ('x') as t(a)")


def invalid_text_in_sql(spark):
    return spark.sql("select cast(a as double), double(a), a::double from values ('x'), ('1') as t(a)")


def invalid_text_in_a_filter(spark):
    return spark.sql(TEXTS).where(F.col("a").cast("double") > 1)


def invalid_text_after_calculation(spark):
    return spark.sql("select * from values ('7'), ('n/a') as t(a)").select(F.col("a").cast("int") * 2)


def sum_of_invalid_text(spark):
    return spark.sql("select * from values ('7'), ('n/a') as t(a)").agg(F.sum(F.col("a").cast("int")))


def invalid_text_in_a_schema(spark):
    return spark.sql("select * from values ('7'), ('n/a') as t(a)").selectExpr("cast(a as float) as a")


def tried_casts(spark):
    return spark.sql("select try_cast('x' as int), try_cast('2' as int), try_to_number('1,2', '9,9')")


def tried_casts_of_columns(spark):
    return spark.sql(TEXTS).select(F.col("a").try_cast("double"))


def double_to_integer(spark):
    return spark.sql("select cast(1.9D as int), cast(-1.9D as int), cast(2.5 as bigint)")


def too_large_double_to_integer(spark):
    return spark.sql("select cast(x as int) from values (1e10D) as t(x)")


def too_large_integer_to_byte(spark):
    return spark.sql("select cast(x as tinyint) from values (300) as t(x)")


def too_large_for_a_decimal(spark):
    return spark.sql("select cast(x as decimal(3,1)) from values (123.45) as t(x)")


def numbers_to_text(spark):
    return spark.sql(
        "select string(1.0D), string(1e20D), string(1.50), string(true), string(1.5F), string(0.0001D)"
    )


def dates_to_text(spark):
    return spark.sql("select string(date'2024-01-05'), string(timestamp'2024-01-05 01:02:03.5')")


def collections_to_text(spark):
    return spark.sql("select string(array(1, null)), string(named_struct('a', 1)), string(map('k', 'v'))")


def booleans_to_numbers(spark):
    return spark.sql("select int(true), cast(false as double), cast(2 as boolean)")


def numbers_to_timestamps(spark):
    return spark.sql("select cast(1700000000 as timestamp), cast(timestamp'1970-01-02 00:00:00' as bigint)")


def text_to_binary(spark):
    return spark.sql("select cast('abc' as binary), cast(x'616263' as string)")


def array_of_text_to_integers(spark):
    return spark.sql("select cast(array('1', '2') as array<int>)")


def struct_to_other_types(spark):
    return spark.sql("select cast(named_struct('a', '1', 'b', 2) as struct<x:int,y:string>)")
