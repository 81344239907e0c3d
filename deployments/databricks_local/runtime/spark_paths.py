"""Lets Spark read and write paths of DBFS, volumes and the workspace, which are directories of this machine.

The paths are replaced in the requests to the server: in data sources, in writes, and in SQL where a location
or a table is named by its path. As on Databricks, a path without a scheme is one of DBFS, and one that is not
there is an error; Sail would read it as empty.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from databricks_local.runtime.dbutils.filesystem import DBFS, VOLUMES, WORKSPACE
from databricks_local.runtime.sql_paths import FILE_FORMATS, paths_in
from databricks_local.runtime.tables.plain_paths import SCHEME

PATH_FIELDS = frozenset({"path", "paths"})
SQL_FIELDS = frozenset({"query", "sql"})
PATH_OPTIONS = frozenset({"path", "checkpointlocation", "cleansource.archivedir"})

DEFAULT_FORMAT = "delta"
"""Of tables and files, as on Databricks."""

WAREHOUSE = "/user/hive/warehouse"
"""Where tables without a location are, on DBFS, as on Databricks."""

_DBFS = re.compile(r"dbfs:/*")
_FILE = re.compile(r"file:/(?!/)")
_S3 = re.compile(r"s3[an]?:")

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


def spark_rewriter(places: Mapping[str, str]) -> Rewrite:
    """A function that turns a path of a notebook, as Spark takes it, into a URI of the server.

    A URI is not rewritten again: statements come back from the server as they were sent, and are sent anew.

    Args:
        places: Where `/dbfs`, `/Volumes` and `/Workspace` are for the server.
    """
    on_disk = path_rewriter(places)
    rewritten = tuple(f"{place.rstrip('/')}/" for place in places.values())

    def rewrite(path: str) -> str:
        if path.startswith("file:"):
            return on_disk(path)
        if SCHEME.match(path) and not path.startswith("dbfs:"):
            return path
        if "%" in path and path.startswith(rewritten):
            return path
        place = on_disk(f"dbfs:/{_DBFS.sub('', path, count=1).lstrip('/')}")
        # Engines do not agree on what a percent sign in a URI is.
        return place if "%" in place else f"file://{place}"

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
    done, pieces = 0, []
    for start, end, form in paths_in(statement):
        path = statement[start:end]
        place = rewrite(path)
        if form in FILE_FORMATS:
            refuse_missing(path, place)
        pieces += [statement[done:start], place]
        done = end
    return "".join([*pieces, statement[done:]])


def rewrite_request(request: Any, rewrite: Rewrite, *, sail: bool = False) -> None:
    """Replace the paths in a request of Spark Connect.

    Args:
        request: The request.
        rewrite: Rewrites paths.
        sail: Whether it is for Sail, which knows fewer statements, and no format by default.

    Raises:
        AnalysisException: If a source of files is not there.
    """
    # Not by recursion: a plan may be thousands of steps deep.
    messages = [request]
    while messages:
        message = messages.pop()
        for field, value in message.ListFields():
            if field.message_type is None:
                _rewrite_field(message, field.name, value, rewrite)
                if sail and field.name == "paths" and not message.format:
                    message.format = DEFAULT_FORMAT
            elif field.message_type.GetOptions().map_entry:
                _rewrite_options(value, rewrite)
            # Expressions are most of a plan, and have no paths.
            elif field.message_type.name != "Expression":
                messages.extend([value] if hasattr(value, "ListFields") else value)


def _rewrite_field(message: Any, name: str, value: Any, rewrite: Rewrite) -> None:
    if name in PATH_FIELDS and isinstance(value, str):
        setattr(message, name, rewrite(value))
    elif name in PATH_FIELDS and not isinstance(value, bytes):
        value[:] = _sources(message, value, rewrite)
    elif name in SQL_FIELDS and isinstance(value, str):
        setattr(message, name, rewrite_sql(value, rewrite))


def _sources(source: Any, paths: Any, rewrite: Rewrite) -> list[str]:
    places = [rewrite(path) for path in paths]
    if str(getattr(source, "format", "")).lower() in FILE_FORMATS:
        for path, place in zip(paths, places, strict=True):
            refuse_missing(path, place)
    return places


def refuse_missing(path: str, place: str) -> None:
    """Refuse a path that is not there.

    Args:
        path: The path as the notebook gives it.
        place: The same for the server.

    Raises:
        AnalysisException: If it is one of this machine, and nothing is there.
    """
    if SCHEME.match(place) and not place.startswith("file:"):
        return
    plain = place.removeprefix("file:")
    plain = f"/{plain.lstrip('/')}"
    # Spark's patterns have alternatives in braces besides.
    pattern = re.sub(r"\{[^{}]*\}", "*", plain).lstrip("/")
    if not Path(plain).exists() and next(Path("/").glob(pattern), None) is None:
        _refuse(path)


def _refuse(path: str) -> NoReturn:
    from pyspark.errors.exceptions.connect import AnalysisException

    shown = path if SCHEME.match(path) else f"dbfs:/{path.lstrip('/')}"
    raise AnalysisException(
        f"[PATH_NOT_FOUND] Path does not exist: {shown}. SQLSTATE: 42K03",
        errorClass="PATH_NOT_FOUND",
        sql_state="42K03",
    )


def _rewrite_options(options: Any, rewrite: Rewrite) -> None:
    for name in list(options):
        if isinstance(name, str) and name.lower() in PATH_OPTIONS and isinstance(options[name], str):
            options[name] = rewrite(options[name])
