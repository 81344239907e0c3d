"""Lets Spark read and write `dbfs:/`, `/Volumes` and `file:/` paths, which the server knows as plain paths.

The paths are replaced in the requests to the server: in data sources, in writes, and in SQL where a location
or a table is named by its path. A path without a scheme is a file of this machine; on Databricks it is one of
DBFS.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from databricks_local.runtime.dbutils.filesystem import DBFS, VOLUMES, WORKSPACE

PATH_FIELDS = frozenset({"path", "paths"})
SQL_FIELDS = frozenset({"query", "sql"})
PATH_OPTIONS = frozenset({"path", "checkpointlocation", "cleansource.archivedir"})

_DBFS = re.compile(r"dbfs:/+")
_FILE = re.compile(r"file:/(?!/)")
_S3 = re.compile(r"s3[an]?:")
_MAYBE = (b"dbfs:", b"file:", b"/Volumes", b"/Workspace", b"s3:", b"s3a:", b"s3n:")
# A quoted path after a word that is followed by one, or a table by its path such as parquet.`dbfs:/x`.
_IN_SQL = re.compile(
    r"""(?ix)
    (?P<before> \b (?:LOCATION | FROM | DIRECTORY | PATH \s* ['"]? \s* =?) \s* \(?\s* (?P<quote>['"])
              | \. (?P<tick>`) )
    (?P<path> (?:dbfs:|file:|s3[an]?:|/Volumes/|/Workspace/) [^'"`]* )
    (?= (?P=quote) | ` )
    """
)

Rewrite = Callable[[str], str]


def path_rewriter(places: Mapping[str, str]) -> Rewrite:
    """A function that turns a path of a notebook into one of the server.

    Args:
        places: Where `/dbfs`, `/Volumes` and `/Workspace` are for the server.
    """

    def rewrite(path: str) -> str:
        scheme = _DBFS.match(path)
        plain = f"/{path[scheme.end() :]}" if scheme else path
        for prefix in (VOLUMES, WORKSPACE):
            if plain == prefix or plain.startswith(f"{prefix}/"):
                return places[prefix] + plain.removeprefix(prefix)
        if scheme:
            return places[DBFS] + plain
        return _FILE.sub("file:///", path, count=1) if path.startswith("file:") else path

    return rewrite


def refusing_s3(rewrite: Rewrite) -> Rewrite:
    """A function that rewrites as another one, and refuses paths of S3: the server cannot read them."""

    def refuse(path: str) -> str:
        if _S3.match(path):
            raise ValueError(
                f"{path}: Apache Spark cannot reach S3 here: its wheel has no hadoop-aws. Use boto3, or the "
                "engine sail (--engine, or the tag local_engine), or name the files of hadoop-aws in "
                "spark.driver.extraClassPath of the cluster's spark_conf."
            )
        return rewrite(path)

    return refuse


def rewrite_sql(statement: str, rewrite: Rewrite) -> str:
    """Replace the paths in a SQL statement, and no other text."""
    return _IN_SQL.sub(lambda found: found["before"] + rewrite(found["path"]), statement)


def rewrite_request(request: Any, rewrite: Rewrite) -> None:
    """Replace the paths in a request of Spark Connect."""
    content = request.SerializeToString()
    if any(part in content for part in _MAYBE):
        _rewrite_message(request, rewrite)


def _rewrite_message(message: Any, rewrite: Rewrite) -> None:
    for field, value in message.ListFields():
        if field.message_type is not None:
            if field.message_type.GetOptions().map_entry:
                _rewrite_options(value, rewrite)
            elif isinstance(value, type(message)) or hasattr(value, "ListFields"):
                _rewrite_message(value, rewrite)
            else:
                for item in value:
                    _rewrite_message(item, rewrite)
        elif field.name in PATH_FIELDS and isinstance(value, str):
            setattr(message, field.name, rewrite(value))
        elif field.name in PATH_FIELDS and not isinstance(value, bytes):
            value[:] = [rewrite(item) for item in value]
        elif field.name in SQL_FIELDS and isinstance(value, str):
            setattr(message, field.name, rewrite_sql(value, rewrite))


def _rewrite_options(options: Any, rewrite: Rewrite) -> None:
    for name in list(options):
        if isinstance(name, str) and name.lower() in PATH_OPTIONS and isinstance(options[name], str):
            options[name] = rewrite(options[name])


def connect(remote: str, rewrite: Rewrite) -> Any:
    """A Spark session whose requests have their paths replaced."""
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession

    # By name, since it has no types.
    grpc = importlib.import_module("grpc")

    class Interceptor(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[name-defined, misc]
        """Sees each request before it is sent."""

        def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            rewrite_request(request, rewrite)
            return continuation(details, request)

        def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
            rewrite_request(request, rewrite)
            return continuation(details, request)

    builder = DefaultChannelBuilder(remote)
    builder.add_interceptor(Interceptor())
    return SparkSession.builder.channelBuilder(builder).getOrCreate()
