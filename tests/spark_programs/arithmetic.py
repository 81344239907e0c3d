"""Numbers: what a result is, and of which type."""

from pyspark.sql import functions as F

NUMBERS = "select * from values (7, 2, 2.5D, 1.10), (-7, 2, -0.5D, 2.25), (0, 4, 1e3D, null) as t(a, b, x, d)"


def integers_divided(spark):
    return spark.sql(NUMBERS).select(F.col("a") / F.col("b"))


def integers_added(spark):
    return spark.sql(NUMBERS).select(F.col("a") + F.col("b"), F.col("a") * F.col("b"), F.col("a") - 1)


def remainder_of_negative_numbers(spark):
    return spark.sql("select -7 % 2, mod(-7, 2), pmod(-7, 2)")


def whole_division(spark):
    return spark.sql("select 7 div 2, -7 div 2")


def division_by_zero(spark):
    return spark.sql("select a, b / a from values (1, 2), (0, 2) as t(a, b)")


def remainder_by_zero(spark):
    return spark.sql("select a, 5 % a from values (2), (0) as t(a)")


def double_division_by_zero(spark):
    return spark.sql("select x / 0 from values (1.5D), (0D) as t(x)")


def integer_overflow(spark):
    return spark.sql("select a + 1 from values (2147483647) as t(a)")


def long_overflow(spark):
    return spark.sql("select a * 2 from values (9223372036854775807L) as t(a)")


def try_functions(spark):
    return spark.sql("select try_divide(a, 0), try_add(2147483647, a) from values (1) as t(a)")


def decimals_added(spark):
    return spark.sql("select d + 1.5, d * d, d / 3 from values (1.10), (2.25) as t(d)")


def decimal_and_double(spark):
    return spark.sql(NUMBERS).select(F.col("d") * F.col("x"), F.col("d") + F.col("a"))


def rounding(spark):
    return spark.sql("select round(2.5), round(-2.5), bround(2.5), round(1234.567, 1), round(1234, -2)")


def rounding_doubles(spark):
    return spark.sql(
        "select round(2.5D), bround(3.5D), round(0.125D, 2), round(x, 1) from values (1.25D) as t(x)"
    )


def floor_and_ceiling(spark):
    return spark.sql(NUMBERS).select(F.floor("x"), F.ceil("x"), F.floor("d"))


def powers_and_roots(spark):
    return spark.sql("select pow(2, 3), sqrt(16), exp(0), ln(1), log10(100), log(2, 8), cbrt(27)")


def root_of_a_negative_number(spark):
    return spark.sql("select sqrt(-1D), ln(-1D)")


def signs(spark):
    return spark.sql(NUMBERS).select(F.abs("a"), F.signum("a"), -F.col("x"))


def greatest_and_least(spark):
    return spark.sql("select greatest(1, 2.5, null), least(3, 1L), greatest('a', 'b')")


def bits(spark):
    return spark.sql("select 6 & 3, 6 | 3, 6 ^ 3, ~6, shiftleft(1, 4), shiftright(-16, 2), bit_count(7)")


def bases(spark):
    return spark.sql("select hex(255), conv('ff', 16, 10), bin(5), unhex('41')")


def not_a_number(spark):
    return spark.sql("select isnan(double('NaN')), double('NaN') = double('NaN'), nanvl(double('NaN'), 1D)")


def numbers_of_other_widths(spark):
    return spark.sql("select 1Y + 1S, 1S + 1, 1 + 1L, 1L + 1.5F, 1.5F + 1.5D")


def infinity(spark):
    return spark.sql("select double('Infinity') > 1e308D, float('-inf')")


def comparisons_with_null(spark):
    return spark.sql("select 1 = null, null <=> null, 1 <=> null, null and false, null or true")


def between_and_in(spark):
    return spark.sql(NUMBERS).select(F.col("a").between(-7, 0), F.col("a").isin(0, 7), ~F.col("a").isin(0))


def conditions(spark):
    return spark.sql(NUMBERS).select(
        F.when(F.col("a") > 0, "up").when(F.col("a") < 0, "down").otherwise(None)
    )


def branches_of_two_types(spark):
    return spark.sql("select case when true then 1 else 2.5 end, if(false, 1, 2L), coalesce(null, 1, 2.0D)")
