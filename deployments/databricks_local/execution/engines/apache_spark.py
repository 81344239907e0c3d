"""The process of a cluster on Apache Spark: its own Spark Connect server, in Java."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from databricks_local.execution.children import LOOPBACK, begin, send
from databricks_local.execution.engines import python_workers
from databricks_local.execution.engines.choice import EXTRA_CLASSES
from databricks_local.execution.engines.installation import (
    SparkInstallation,
    SparkInstallationError,
    ensure_spark,
)
from databricks_local.execution.engines.launch import ClusterLaunch, prepare
from databricks_local.execution.mounts import Mounts

DRIVER_MEMORY = "spark.driver.memory"
DEFAULT_HEAP_MIB = 1024
SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
LOGGING = Path(__file__).with_name("log4j2.properties")

_OPENED = (
    "java.base/java.lang", "java.base/java.lang.invoke", "java.base/java.lang.reflect", "java.base/java.io",
    "java.base/java.net", "java.base/java.nio", "java.base/java.util", "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic", "java.base/jdk.internal.ref", "java.base/sun.nio.ch",
    "java.base/sun.nio.cs", "java.base/sun.security.action", "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)  # fmt: skip
"""What Spark uses of Java's inner parts. Its own launcher, which this replaces, opens the same ones."""

_OURS = frozenset({"spark.master", "spark.submit.deployMode", "spark.ui.port", DRIVER_MEMORY, EXTRA_CLASSES})
_SIZE = re.compile(r"([0-9]+)([a-z]*)")
_MIB = 1024**2
_BYTES = {"b": 1, "": _MIB} | {
    f"{unit}{end}": 1024**power for power, unit in enumerate("kmgtp", start=1) for end in ("", "b")
}
_STARTED = re.compile(rb"SparkConnectServer: Spark Connect server started at: .*:(\d+)\s*$")
_MAX_LINE_BYTES = 65_536


@dataclass(frozen=True)
class SparkLaunch:
    """The arguments of the process.

    Attributes:
        cluster: What it gets as on any engine.
        spark: Apache Spark.
        directory: Where it keeps what it shuffles, and tables; removed with the cluster.
        configuration: Spark's configuration.
    """

    cluster: ClusterLaunch
    spark: SparkInstallation
    directory: str
    configuration: Mapping[str, str] = field(repr=False)


def install_spark_main(connection: Connection, log: str, mounts: Mounts, pip: Mapping[str, str]) -> None:
    """Install Apache Spark if it is not there, and report why that failed, or an empty text.

    Args:
        connection: The line to the server.
        log: The file for what is written.
        mounts: The paths of the process.
        pip: Variables of pip.
    """
    begin([log], mounts)
    try:
        ensure_spark({**os.environ, **pip}, lambda line: send(connection, {"said": line}))
    except SparkInstallationError as error:
        send(connection, {"error": str(error)})
        return
    send(connection, {"error": ""})


def apache_spark_main(connection: Connection, launch: SparkLaunch) -> None:
    """Serve Spark Connect by Apache Spark until the workspace's server is gone.

    Args:
        connection: The line to the server, which gets the port.
        launch: What the server needs.
    """
    prepare(connection, launch.cluster)
    libraries = launch.cluster.site_packages
    # Python would remember that it is not there, and not see what is installed later.
    libraries.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, (str(libraries), os.environ.get("PYTHONPATH", "")))
    )
    os.environ[python_workers.OFFERS_VARIABLE] = launch.cluster.offers
    configuration = {"spark.python.daemon.module": python_workers.__name__, **launch.configuration}
    directory = Path(launch.directory)
    directory.mkdir(exist_ok=True)
    port = 0
    for line in lines_of(start_java(launch.spark, directory, configuration)):
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        if not port and (port := port_in(line)):
            send(connection, {"port": port})


def start_java(
    spark: SparkInstallation, directory: Path, configuration: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    """Start a server of Apache Spark.

    Args:
        spark: The installation.
        directory: Where the server keeps its files.
        configuration: Spark's configuration.

    Returns:
        Its process; its output says where it listens.
    """
    java = subprocess.Popen(  # noqa: S603 - installed by us, and no shell
        [str(spark.java), "@/dev/stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=directory,
        env={
            **os.environ,
            "SPARK_HOME": str(spark.home),
            "SPARK_LOCAL_IP": LOOPBACK,
            "PYSPARK_PYTHON": sys.executable,
        },
    )
    if java.stdin is not None:
        # By a pipe: the configuration may hold secrets, and a command line can be read by everybody.
        java.stdin.write("\n".join(java_arguments(spark, directory, configuration)).encode())
        java.stdin.close()
    return java


def lines_of(java: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    """What the server writes, line by line, until it ends."""
    if java.stdout is not None:
        while line := java.stdout.readline(_MAX_LINE_BYTES):
            yield line


def port_in(line: bytes) -> int:
    """The port that a line of the server's log names; 0 if it names none.

    Example:
        >>> port_in(b"12:00:00 INFO SparkConnectServer: Spark Connect server started at: 127.0.0.1:4711")
        4711
    """
    found = _STARTED.search(line)
    return int(found[1]) if found else 0


def heap_mib(configuration: Mapping[str, str]) -> int:
    """The memory of a driver in MiB, as Spark reads `spark.driver.memory`: MiB without a unit.

    Raises:
        ValueError: If it is no size, or none at all.

    Example:
        >>> [heap_mib({"spark.driver.memory": size}) for size in ("4096", "512mb", "2G", "1048576k")]
        [4096, 512, 2048, 1024]
    """
    given = configuration.get(DRIVER_MEMORY)
    if given is None:
        return DEFAULT_HEAP_MIB
    found = _SIZE.fullmatch(given.strip().lower())
    mib = int(found[1]) * _BYTES.get(found[2], 0) // _MIB if found else 0
    if not mib:
        raise ValueError(
            f"{DRIVER_MEMORY} has to be a size of at least 1 MiB such as 4g, 512m or 4096 (MiB), but is "
            f"{given[:80]!r}."
        )
    return mib


def java_arguments(spark: SparkInstallation, directory: Path, configuration: Mapping[str, str]) -> list[str]:
    """The arguments of Java, quoted as in one of its argument files.

    Args:
        spark: The installation.
        directory: Where the server keeps its files.
        configuration: Spark's configuration. What places the server on this machine is not changed by it.
    """
    given = {name: value for name, value in configuration.items() if name not in _OURS}
    properties = {
        "jdk.reflect.useDirectMethodHandle": "false",
        "io.netty.tryReflectionSetAccessible": "true",
        "java.io.tmpdir": str(directory),
        "log4j2.configurationFile": str(LOGGING),
        "spark.app.name": "Databricks Shell",
        "spark.ui.enabled": "false",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(directory / "warehouse"),
        "spark.local.dir": str(directory),
        **given,
        "spark.master": f"local[{os.cpu_count() or 1}]",
        "spark.connect.grpc.binding.address": LOOPBACK,
        "spark.connect.grpc.binding.port": "0",
    }
    classes = os.pathsep.join(filter(None, (f"{spark.home}/jars/*", configuration.get(EXTRA_CLASSES))))
    return [
        _quoted(argument)
        for argument in (
            f"-Xmx{heap_mib(configuration)}m",
            # Small and soon up: a cluster lives for minutes, beside others.
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            *(f"--add-opens={part}=ALL-UNNAMED" for part in _OPENED),
            *(f"-D{name}={value}" for name, value in properties.items()),
            "-cp",
            classes,
            SERVER,
        )
    ]


def _quoted(argument: str) -> str:
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
