"""Arrays, maps, structs and JSON."""

from pyspark.sql import Row
from pyspark.sql import functions as F

JSON = """select * from values ('{"a": 1, "b": [1, 2], "c": {"d": "x"}}'), ('{"a": "y"}'), ('{'), (null) as t(j)"""


def _arrays(spark):
    return spark.createDataFrame([([3, 1, None, 3], ["a"]), ([], None)], "x array<int>, y array<string>")


def sizes(spark):
    return _arrays(spark).select(F.size("x"), F.size("y"), F.cardinality("y"))


def elements(spark):
    return _arrays(spark).select(F.col("x")[0], F.try_element_at("x", F.lit(-1)), F.get("x", F.lit(9)))


def index_beyond_the_end(spark):
    return _arrays(spark).select(F.col("x")[9])


def element_beyond_the_end(spark):
    return _arrays(spark).select(F.element_at("x", 9))


def exploded(spark):
    return _arrays(spark).select(F.explode("x"))


def exploded_with_positions(spark):
    return _arrays(spark).select(F.posexplode_outer("x"))


def exploded_maps(spark):
    return spark.sql("select explode(map('a', 1, 'b', 2))")


def lateral_view(spark):
    _arrays(spark).createOrReplaceTempView("arrays_lateral")
    return spark.sql("select n, size(x) from arrays_lateral lateral view explode(x) e as n")


def sorted_arrays(spark):
    return _arrays(spark).select(F.array_sort("x"), F.sort_array("x", asc=False), F.array_distinct("x"))


def found_in_arrays(spark):
    return _arrays(spark).select(F.array_contains("x", 3), F.array_position("x", 1), F.array_max("x"))


def arrays_combined(spark):
    return _arrays(spark).select(
        F.concat("x", F.array(F.lit(9))), F.array_union("x", F.array(F.lit(1))), F.slice("x", 2, 2)
    )


def arrays_joined(spark):
    return spark.sql("select array_join(array('a', null, 'b'), '-'), array_join(array('a', null), '-', '?')")


def sets_of_arrays(spark):
    return spark.sql(
        "select array_intersect(array(1,2), array(2)), array_except(array(1,2), array(2)), arrays_overlap(array(1), array(2))"
    )


def flattened(spark):
    return spark.sql(
        "select flatten(array(array(1), array(2, 3))), array_repeat('a', 2), arrays_zip(array(1), array('a'))"
    )


def sequences(spark):
    return spark.sql("select sequence(1, 5, 2), sequence(3, 1), array_remove(array(1, 2, 1), 1)")


def transformed(spark):
    return _arrays(spark).select(F.transform("x", lambda n: n * 2), F.filter("x", lambda n: n > 1))


def folded(spark):
    return _arrays(spark).select(F.aggregate("x", F.lit(0), lambda total, n: total + F.coalesce(n, F.lit(0))))


def any_and_all(spark):
    return spark.sql(
        "select exists(array(1, 2), n -> n > 1), forall(array(1, 2), n -> n > 1), zip_with(array(1), array(2), (a, b) -> a + b)"
    )


def arrays_of_mixed_types(spark):
    return spark.sql("select array(1, 2.5D), array('a', 1)")


def maps(spark):
    return spark.sql("select map('a', 1, 'b', 2) as m").select(
        "m", F.map_keys("m"), F.map_values("m"), F.col("m")["a"], F.col("m")["z"]
    )


def maps_made(spark):
    return spark.sql(
        "select map_from_arrays(array('a'), array(1)), map_from_entries(array(struct('x', 1))), str_to_map('a:1,b:2')"
    )


def maps_changed(spark):
    return spark.sql(
        "select map_concat(map('a', 1), map('b', 2)), transform_values(map('a', 1), (k, v) -> v + 1), map_filter(map('a', 1, 'b', 2), (k, v) -> v > 1)"
    )


def structs(spark):
    people = spark.createDataFrame([Row(id=1, name=Row(first="Ada", last="L"))])
    return people.select("name.first", F.col("name").getField("last"), "name.*", F.struct("id", "name.first"))


def structs_changed(spark):
    people = spark.createDataFrame([Row(id=1, name=Row(first="Ada", last="L"))])
    return people.select(F.col("name").withField("age", F.lit(3)), F.col("name").dropFields("last"))


def structs_compared(spark):
    return spark.sql("select struct(1, 'a') < struct(1, 'b'), named_struct('a', 1) = named_struct('a', 1)")


def inlined(spark):
    return spark.sql("select inline(array(struct(1 as a, 'x' as b), struct(2, 'y')))")


def json_read(spark):
    return spark.sql(JSON).select(F.from_json("j", "a string, b array<int>, c struct<d: string>"))


def json_paths(spark):
    return spark.sql(JSON).select(
        F.get_json_object("j", "$.a"), F.get_json_object("j", "$.b[1]"), F.get_json_object("j", "$.c")
    )


def json_tuples(spark):
    return spark.sql(JSON).where("j like '%b%'").select(F.json_tuple("j", "a", "b"))


def json_written(spark):
    return spark.sql(
        "select to_json(named_struct('a', 1, 'b', null, 'c', array(1, 2), 'd', date'2024-01-02')), to_json(map('k', 1.5))"
    )


def json_schemas(spark):
    return spark.sql(
        """select schema_of_json('{"a": 1, "b": [1.5], "c": null}'), json_array_length('[1, 2]')"""
    )


def json_of_wrong_types(spark):
    return spark.sql(
        """select from_json('{"a": "x", "b": 2}', 'a int, b int'), from_json('[1, 2]', 'array<int>')"""
    )


def csv_read(spark):
    return spark.sql("select from_csv('1,x', 'a int, b string'), to_csv(named_struct('a', 1, 'b', 'y z'))")


def variants(spark):
    return spark.sql("""select variant_get(parse_json('{"a": 5}'), '$.a', 'int')""")
