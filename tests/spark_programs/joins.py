"""Joins, unions and what else makes one table of two."""

from pyspark.sql import functions as F


def _left(spark):
    return spark.createDataFrame([(1, "a"), (2, "b"), (None, "c")], "id int, l string")


def _right(spark):
    return spark.createDataFrame([(2, "x"), (3, "y"), (None, "z")], "id int, r string")


def inner_join(spark):
    return _left(spark).join(_right(spark), "id")


def left_join(spark):
    return _left(spark).join(_right(spark), "id", "left")


def outer_join(spark):
    return _left(spark).join(_right(spark), ["id"], "outer")


def semi_and_anti_join(spark):
    return (
        _left(spark).join(_right(spark), "id", "semi").union(_left(spark).join(_right(spark), "id", "anti"))
    )


def cross_join(spark):
    return _left(spark).crossJoin(_right(spark).select("r"))


def join_by_an_expression(spark):
    one, other = _left(spark), _right(spark)
    return one.join(other, one.id < other.id, "left").select("l", "r")


def join_that_takes_null_for_equal(spark):
    one, other = _left(spark), _right(spark)
    return one.join(other, one.id.eqNullSafe(other.id)).select(one.id, "l", "r")


def join_of_a_table_with_itself(spark):
    return (
        _left(spark).alias("x").join(_left(spark).alias("y"), F.expr("x.id = y.id + 1")).select("x.l", "y.l")
    )


def join_of_text_and_integer(spark):
    return _left(spark).join(spark.sql("select '2' as id, 'x' as r"), "id")


def join_of_equal_names(spark):
    one, other = _left(spark), _right(spark)
    return one.join(other, one.id == other.id).drop(other.id)


def join_in_sql(spark):
    _left(spark).createOrReplaceTempView("join_l")
    _right(spark).createOrReplaceTempView("join_r")
    return spark.sql("select * from join_l natural full join join_r")


def join_with_using(spark):
    _left(spark).createOrReplaceTempView("using_l")
    _right(spark).createOrReplaceTempView("using_r")
    return spark.sql("select id, l, r from using_l right join using_r using (id)")


def lateral_join(spark):
    return spark.sql("select t.a, u.b from values (1), (2) as t(a), lateral (select t.a * 10 as b) as u")


def broadcast(spark):
    return _left(spark).join(F.broadcast(_right(spark)), "id")


def unions(spark):
    return _left(spark).union(_right(spark)).distinct()


def union_of_other_types(spark):
    return spark.sql("select 1 as x").union(spark.sql("select 2.5D as x"))


def union_by_name(spark):
    return _left(spark).unionByName(_right(spark), allowMissingColumns=True)


def intersections(spark):
    return _left(spark).select("id").intersect(_right(spark).select("id"))


def differences(spark):
    return _left(spark).select("id").exceptAll(_right(spark).select("id"))


def set_operations_in_sql(spark):
    return spark.sql("(select 1 as x union select 2) except select 2 union all select 5")


def duplicates_dropped(spark):
    return _left(spark).union(_left(spark)).dropDuplicates(["id"])


def exists_in_sql(spark):
    _left(spark).createOrReplaceTempView("exists_l")
    _right(spark).createOrReplaceTempView("exists_r")
    return spark.sql(
        "select l from exists_l where not exists (select 1 from exists_r where exists_r.id = exists_l.id)"
    )


def scalar_subquery(spark):
    _left(spark).createOrReplaceTempView("scalar_l")
    return spark.sql("select l, (select max(id) from scalar_l) - id as gap from scalar_l")


def correlated_subquery(spark):
    _left(spark).createOrReplaceTempView("correlated_l")
    return spark.sql(
        "select l, (select count(*) from correlated_l x where x.id < y.id) as before from correlated_l y"
    )
