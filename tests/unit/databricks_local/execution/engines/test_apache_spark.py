from pathlib import Path

import pytest
from databricks_local.execution.engines.apache_spark import heap_mib, java_arguments, port_in
from databricks_local.execution.engines.installation import SparkInstallation

SPARK = SparkInstallation(Path("/spark"))


@pytest.mark.parametrize(
    ("line", "port"),
    [
        (b"12:00:00 INFO SparkConnectServer: Spark Connect server started at: 127.0.0.1:4711\n", 4711),
        (b"12:00:00 INFO SparkConnectServer: Starting Spark session.\n", 0),
        (b"a program says: Spark Connect server started at: 127.0.0.1:4711\n", 0),
        (b"", 0),
    ],
)
def test_where_the_server_listens(line: bytes, port: int) -> None:
    assert port_in(line) == port


def test_the_configuration_cannot_move_the_server() -> None:
    given = {
        "spark.master": "yarn",
        "spark.connect.grpc.binding.address": "0.0.0.0",
        "spark.connect.grpc.binding.port": "15002",
        "spark.sql.shuffle.partitions": "7",
    }
    arguments = java_arguments(SPARK, Path("/files"), given)
    assert '"-Dspark.sql.shuffle.partitions=7"' in arguments
    assert '"-Dspark.connect.grpc.binding.address=127.0.0.1"' in arguments
    assert '"-Dspark.connect.grpc.binding.port=0"' in arguments
    assert sum(argument.startswith('"-Dspark.master=local[') for argument in arguments) == 1
    assert not any("yarn" in argument or "0.0.0.0" in argument for argument in arguments)


def test_memory_and_classes_are_what_the_configuration_says() -> None:
    plain = java_arguments(SPARK, Path("/files"), {})
    assert plain[0] == '"-Xmx1024m"'
    assert plain[-2] == '"/spark/pyspark/jars/*"'
    given = {"spark.driver.memory": "3g", "spark.driver.extraClassPath": "/jars/a.jar:/jars/b.jar"}
    arguments = java_arguments(SPARK, Path("/files"), given)
    assert arguments[0] == '"-Xmx3072m"'
    assert arguments[-2] == '"/spark/pyspark/jars/*:/jars/a.jar:/jars/b.jar"'


@pytest.mark.parametrize(
    ("size", "mib"),
    [
        ("4096", 4096),
        ("512m", 512),
        ("512mb", 512),
        (" 2G ", 2048),
        ("2gb", 2048),
        ("1t", 1024**2),
        ("1048576k", 1024),
        ("1048576KB", 1024),
        ("2097152b", 2),
    ],
)
def test_sizes_as_spark_reads_them(size: str, mib: int) -> None:
    assert heap_mib({"spark.driver.memory": size}) == mib
    assert java_arguments(SPARK, Path("/files"), {"spark.driver.memory": size})[0] == f'"-Xmx{mib}m"'


@pytest.mark.parametrize("size", ["", "much", "1.5g", "-1g", "1x", "4194304bb", "0", "10k", "m"])
def test_sizes_that_are_none(size: str) -> None:
    with pytest.raises(ValueError, match=r"^spark\.driver\.memory has to be a size") as refused:
        heap_mib({"spark.driver.memory": size})
    assert "\n" not in str(refused.value)


def test_values_are_quoted_for_an_argument_file_of_java() -> None:
    arguments = java_arguments(SPARK, Path("/files"), {"spark.x": 'a "b"\n\\c #d'})
    assert '"-Dspark.x=a \\"b\\"\\n\\\\c #d"' in arguments
