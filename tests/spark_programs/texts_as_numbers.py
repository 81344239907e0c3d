"""Texts where numbers are due, as they come from CSV files without a schema."""

from pyspark.sql import Window
from pyspark.sql import functions as F

ENERGY = [("Chile", "5", "7.5", 2), ("Peru", "2", None, 3), ("Bolivia", "1e1", " 4 ", 1)]
COLUMNS = "country string, solar string, wind string, n int"


def _energy(spark):
    return spark.createDataFrame(ENERGY, COLUMNS)


def text_plus_text(spark):
    return _energy(spark).withColumn("both", F.col("solar") + F.col("wind"))


def text_minus_text(spark):
    return _energy(spark).select(F.col("solar") - F.col("wind"))


def text_times_text(spark):
    return _energy(spark).select(F.col("solar") * F.col("wind"))


def text_divided_by_text(spark):
    return _energy(spark).select(F.col("solar") / F.col("wind"))


def text_plus_one(spark):
    return _energy(spark).select(F.col("wind") + 1, 1 + F.col("wind"))


def text_times_integer(spark):
    return _energy(spark).select(F.col("solar") * F.col("n"))


def text_times_double(spark):
    return _energy(spark).select(F.col("wind") * 0.5)


def text_plus_decimal(spark):
    return _energy(spark).select(F.col("wind") + F.lit(1).cast("decimal(5,2)"))


def text_modulo(spark):
    return _energy(spark).select(F.col("wind") % 2)


def whole_text_plus_long(spark):
    return spark.sql("select '12' as a").select(F.col("a") + F.lit(1).cast("long"))


def text_that_is_no_number_plus_one(spark):
    return _energy(spark).select(F.col("country") + 1)


def fraction_plus_integer(spark):
    return spark.sql("select '7.5' as a").select(F.col("a") + 1)


def negated_text(spark):
    return _energy(spark).select(-F.col("wind"))


def absolute_text(spark):
    return _energy(spark).select(F.abs("wind"))


def rounded_text(spark):
    return _energy(spark).select(F.round("wind", 0))


def sums_of_text(spark):
    return _energy(spark).agg(F.sum("wind"))


def averages_of_text(spark):
    return _energy(spark).agg(F.avg("solar"), F.avg("wind"))


def averages_by_group(spark):
    return _energy(spark).groupBy("n").agg(F.avg("wind").alias("mean"), F.sum("solar").alias("total"))


def averages_by_group_shortly(spark):
    return _energy(spark).groupBy("n").agg({"wind": "avg", "solar": "max"})


def deviation_of_text(spark):
    return _energy(spark).agg(F.stddev("solar"), F.variance("solar"))


def maximum_of_text(spark):
    return _energy(spark).agg(F.max("solar"), F.min("wind"))


def text_compared_with_integer(spark):
    return _energy(spark).where(F.col("wind") > 4)


def text_equal_to_integer(spark):
    return _energy(spark).where(F.col("solar") == 5)


def text_compared_with_double(spark):
    return _energy(spark).where(F.col("wind") >= 7.25)


def text_compared_with_text(spark):
    return _energy(spark).select(F.col("solar") > F.col("wind"))


def text_in_integers(spark):
    return _energy(spark).where(F.col("solar").isin(5, 2))


def text_between_integers(spark):
    return _energy(spark).where(F.col("solar").between(1, 5))


def text_that_is_no_number_compared(spark):
    return _energy(spark).where(F.col("country") > 1)


def calculated_in_steps(spark):
    both = _energy(spark).withColumn("both", F.col("solar") + F.col("wind"))
    return both.withColumn("half", F.col("both") / 2).where("half > 6").groupBy("country").agg(F.sum("half"))


def calculated_after_a_join(spark):
    others = spark.createDataFrame([("Chile", "3"), ("Peru", "4")], "country string, coal string")
    return _energy(spark).join(others, "country").select("country", F.col("solar") + F.col("coal"))


def calculated_over_a_window(spark):
    window = Window.partitionBy("n").orderBy("country")
    return _energy(spark).select("country", F.avg(F.col("solar")).over(window))


def calculated_in_a_function(spark):
    return _energy(spark).select(F.when(F.col("n") > 1, F.col("solar") + 1).otherwise(0))


def square_root_of_text(spark):
    return _energy(spark).select(F.sqrt("solar"), F.pow("solar", F.lit(2)))


def sql_text_plus_text(spark):
    _energy(spark).createOrReplaceTempView("energy_a")
    return spark.sql("select solar + wind as both from energy_a")


def sql_text_plus_one(spark):
    _energy(spark).createOrReplaceTempView("energy_b")
    return spark.sql("select wind + 1 from energy_b where solar > 1")


def sql_average_of_text(spark):
    _energy(spark).createOrReplaceTempView("energy_c")
    return spark.sql("select n, avg(wind), sum(solar) from energy_c group by n")


def sql_text_in_a_filter(spark):
    _energy(spark).createOrReplaceTempView("energy_d")
    return spark.sql("select country from energy_d where solar * 2 > 5")


def expression_of_text(spark):
    return _energy(spark).select(F.expr("solar + wind as both"))


def select_expression_of_text(spark):
    return _energy(spark).selectExpr("country", "solar * 2 as twice", "avg(wind) over () as mean")


def filter_by_a_text(spark):
    return _energy(spark).where("solar + 1 > 3")


def union_of_integer_and_text(spark):
    return spark.sql("select 1 as x union all select '2'")


def branches_of_text_and_integer(spark):
    return spark.sql("select coalesce('a', 1), if(true, 1, 'b')")


def text_as_a_condition(spark):
    return spark.sql("select 1 where 'true'")


def sums_of_texts_that_are_no_numbers(spark):
    return _energy(spark).agg(F.sum("country"), F.avg("country"))


def numbers_that_java_reads(spark):
    texts = spark.sql(
        "select * from values ('1d'), ('2.5F'), ('\\t3'), ('.5'), ('1.'), ('-inf'), ('0x1F'), ('1_0') as t(a)"
    )
    return texts.select("a", F.col("a") * F.lit(1.0))


def whole_numbers_out_of_texts(spark):
    texts = spark.sql(
        "select * from values ('1.9'), ('-.5'), ('3000000000'), ('1e2'), (' 7'), ('x'), ('.') as t(a)"
    )
    return texts.select("a", F.col("a").cast("bigint").alias("b"), F.col("a").cast("smallint").alias("c"))


def large_text_compared_with_integer(spark):
    return spark.sql("select * from values ('3000000000'), ('5') as t(a)").where(F.col("a") > 1)


def text_compared_with_long(spark):
    return spark.sql("select * from values ('7.5'), ('3000000000'), ('x') as t(a)").where(
        F.col("a") > F.lit(7).cast("long")
    )


def names_of_what_is_calculated(spark):
    both = _energy(spark).select(
        F.col("solar") * F.lit(2.0), F.avg("wind").over(Window.partitionBy("n")), -F.col("solar")
    )
    return both.columns[:1]


def calculated_column_by_its_name(spark):
    return _energy(spark).select(F.col("solar") * F.lit(2.0)).select("`(solar * 2.0)`")


def text_and_decimal(spark):
    return _energy(spark).select(F.col("wind") * F.lit(2).cast("decimal(3,1)"))


def calculated_in_a_chain_of_joins(spark):
    one, other = _energy(spark), _energy(spark).withColumnRenamed("wind", "coal").select("country", "coal")
    return one.join(other, one.solar + 0 == other.coal - 0, "left").select(one.country, other.coal)


def sorted_by_text_times_two(spark):
    return [row.country for row in _energy(spark).orderBy(F.col("solar") * 2).collect()]


def view_of_what_is_calculated(spark):
    _energy(spark).select("country", (F.col("solar") + F.col("wind")).alias("both")).createOrReplaceTempView(
        "energy_view"
    )
    return spark.sql("select country, both / 2 from energy_view")


def view_of_casts(spark):
    _energy(spark).select(F.col("country").cast("double").alias("x"), "n").createOrReplaceTempView(
        "energy_cast"
    )
    return spark.sql("select x, n from energy_cast")


def sql_casts_of_text(spark):
    _energy(spark).createOrReplaceTempView("energy_e")
    return spark.sql(
        "select cast(country as double) as x, cast(solar as double) + 1, sum(cast(wind as float)) over () from energy_e"
    )


def text_divided_by_integer(spark):
    return _energy(spark).select(F.col("wind") / 2)


def text_compared_with_float(spark):
    texts = spark.sql("select * from values ('0.1'), ('0.25'), ('x') as t(a)")
    return texts.select("a", F.col("a") == F.lit(0.1).cast("float"), F.col("a") > F.lit(0.2).cast("float"))


def grouped_by_what_is_calculated(spark):
    return _energy(spark).groupBy(F.col("solar") * F.lit(1.0)).agg(F.count("*"), F.max("country"))


def sql_casts_of_a_given_table(spark):
    return spark.sql("select cast(country as double) as x, solar::float from {given}", given=_energy(spark))


def texts_in_a_lambda(spark):
    return _energy(spark).select(F.transform(F.array("solar", "wind"), lambda x: x + 1))


def whole_texts_added_to_integers(spark):
    return spark.sql("select * from values ('1', 2), ('-3', 4) as t(a, n)").select(
        F.col("a") + F.col("n"), F.col("n") - F.col("a")
    )


def text_and_null(spark):
    return _energy(spark).select(F.col("solar") + F.lit(None), F.col("solar") > F.lit(None))
