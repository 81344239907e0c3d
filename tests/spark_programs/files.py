"""Readers and writers."""

from pathlib import Path

from pyspark.sql import functions as F

ROWS = [(1, "a", 1.5), (2, 'b,"c"', None), (3, None, -2.0)]


def _rows(spark):
    return spark.createDataFrame(ROWS, "id int, name string, x double")


def _text_file(folder, name, text):
    """A file that is read; its path for Spark."""
    Path("/dbfs", folder.strip("/")).mkdir(parents=True, exist_ok=True)
    Path("/dbfs", folder.strip("/"), name).write_text(text)
    return f"{folder}/{name}"


def parquet(spark, folder):
    _rows(spark).write.parquet(f"{folder}/p")
    return spark.read.parquet(f"{folder}/p")


def parquet_of_many_types(spark, folder):
    table = spark.sql(
        "select date'2024-01-02' as d, timestamp'2024-01-02 03:04:05' as t, 1.25 as m, array(1) as a, map('k', 1) as s, x'01' as b"
    )
    table.write.parquet(f"{folder}/p")
    return spark.read.parquet(f"{folder}/p")


def csv(spark, folder):
    _rows(spark).write.csv(f"{folder}/c", header=True)
    return spark.read.csv(f"{folder}/c", header=True)


def csv_with_inferred_types(spark, folder):
    path = _text_file(folder, "x.csv", "id,day,x,flag,text\n1,2024-01-02,1.5,true,a\n2,2024-02-03,,false,\n")
    return spark.read.csv(path, header=True, inferSchema=True)


def csv_without_header(spark, folder):
    return spark.read.csv(_text_file(folder, "x.csv", "1,a\n2,b\n"))


def csv_with_a_schema(spark, folder):
    return spark.read.schema("id int, name string").csv(_text_file(folder, "x.csv", "1,a\nx,b\n"))


def csv_with_other_separators(spark, folder):
    path = _text_file(folder, "x.csv", "id;name\n1;'a;b'\n# no\n2;NA\n")
    return spark.read.options(header=True, sep=";", quote="'", comment="#", nullValue="NA").csv(path)


def csv_that_is_calculated_with(spark, folder):
    path = _text_file(folder, "x.csv", "country,solar,wind\nChile,5,7\nPeru,2,1.5\n")
    table = spark.read.csv(path, header=True).withColumn("both", F.col("solar") + F.col("wind"))
    return table.groupBy().agg(F.avg("solar"), F.sum("both"))


def csv_that_is_cast_and_written(spark, folder):
    path = _text_file(folder, "x.csv", "country,solar\nChile,5\nPeru,n/a\n")
    table = spark.read.csv(path, header=True).withColumn("solar", F.col("solar").cast("double"))
    table.write.mode("overwrite").parquet(f"{folder}/p")
    return spark.read.parquet(f"{folder}/p").withColumn("twice", F.col("solar") * 2)


def csv_of_several_lines(spark, folder):
    path = _text_file(folder, "x.csv", 'id,text\n1,"two\nlines"\n')
    return spark.read.csv(path, header=True, multiLine=True)


def csv_with_short_lines(spark, folder):
    return spark.read.csv(_text_file(folder, "x.csv", "a,b\n1\n2,3\n"), header=True)


def json(spark, folder):
    _rows(spark).write.json(f"{folder}/j")
    return spark.read.json(f"{folder}/j")


def json_nested(spark, folder):
    return spark.read.json(
        _text_file(folder, "x.json", '{"b": {"c": [1, 2]}, "a": 1.5}\n{"a": 2, "d": "x"}\n')
    )


def json_of_several_lines(spark, folder):
    return spark.read.json(_text_file(folder, "x.json", '[{"a": 1},\n {"a": 2}]'), multiLine=True)


def json_with_a_schema(spark, folder):
    return spark.read.schema("a int, z string").json(
        _text_file(folder, "x.json", '{"a": 1}\n{"a": 2, "z": "q"}\n')
    )


def text(spark, folder):
    _rows(spark).select("name").where("name is not null").write.text(f"{folder}/t")
    return spark.read.text(f"{folder}/t")


def text_as_a_whole(spark, folder):
    return spark.read.text(_text_file(folder, "x.txt", "one\ntwo\n"), wholetext=True)


def binary(spark, folder):
    return (
        spark.read.format("binaryFile").load(_text_file(folder, "x.bin", "abc")).select("length", "content")
    )


def orc(spark, folder):
    _rows(spark).write.orc(f"{folder}/o")
    return spark.read.orc(f"{folder}/o")


def partitions(spark, folder):
    _rows(spark).write.partitionBy("id").parquet(f"{folder}/p")
    return spark.read.parquet(f"{folder}/p").where("id > 1")


def appended_and_overwritten(spark, folder):
    for mode in ("overwrite", "overwrite", "append", "ignore"):
        _rows(spark).write.mode(mode).parquet(f"{folder}/p")
    return spark.read.parquet(f"{folder}/p")


def written_twice(spark, folder):
    _rows(spark).write.parquet(f"{folder}/p")
    _rows(spark).write.parquet(f"{folder}/p")


def several_files(spark, folder):
    paths = [_text_file(folder, f"{n}.csv", f"{n},x\n") for n in (1, 2)]
    return spark.read.csv(paths).union(spark.read.csv(f"{folder}/*.csv"))


def query_of_a_file(spark, folder):
    _rows(spark).write.parquet(f"{folder}/p")
    return spark.sql(f"select id from parquet.`{folder}/p`")


def merged_schemas(spark, folder):
    spark.sql("select 1 as a").write.parquet(f"{folder}/p/n=1")
    spark.sql("select 2 as a, 'x' as b").write.parquet(f"{folder}/p/n=2")
    return spark.read.option("mergeSchema", True).parquet(f"{folder}/p")


def one_file_by_coalesce(spark, folder):
    spark.range(10).repartition(3).coalesce(1).write.csv(f"{folder}/c")
    return len([each for each in Path("/dbfs", folder.strip("/"), "c").iterdir() if each.suffix == ".csv"])


def names_of_files(spark, folder):
    path = _text_file(folder, "x.csv", "1\n")
    return spark.read.csv(path).select(F.element_at(F.split(F.input_file_name(), "/"), -1))
