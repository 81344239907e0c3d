"""`read_files`: files as a table, in a query."""

from pathlib import PurePosixPath
from typing import Any

from databricks_local.runtime.tables.engine import Engine
from databricks_local.runtime.tables.reading.cursor import Cursor, split_list

_OWN = ("format", "schema", "schemahints", "filenamepattern", "pathglobfilter")
_BY_SUFFIX = {".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet",
              ".avro": "avro", ".orc": "orc", ".txt": "text", ".xml": "xml"}  # fmt: skip


def frame_of_files(arguments: str, engine: Engine, like: Any = None) -> Any:
    """The files that a call of `read_files` names, as a data frame.

    Args:
        arguments: The text between its parentheses.
        engine: Reads them.
        like: The relation of the statement, whose arguments it may use.
    """
    path, options = _arguments(arguments, engine, like)
    given = {name.lower(): value for name, value in options.items()}
    kind = given.get("format", "") or _BY_SUFFIX.get(
        PurePosixPath(path.rstrip("*")).suffix.lower(), "parquet"
    )
    rest = {name: value for name, value in options.items() if name.lower() not in _OWN}
    if kind.lower() in ("csv", "json") and "schema" not in given:
        # Docs: types are found by the content, unless the option says no.
        defaults = {"inferSchema": given.get("infercolumntypes", "true")}
        defaults |= {"header": "true"} if kind.lower() == "csv" else {}
        rest = {**defaults, **rest}
    reader = engine.session.read.format(kind.lower()).options(**rest)
    if "schema" in given:
        reader = reader.schema(given["schema"])
    pattern = given.get("filenamepattern") or given.get("pathglobfilter")
    frame = reader.load(f"{path.rstrip('/')}/{pattern}" if pattern else path)
    for hint in split_list(given.get("schemahints", "")):
        cursor = Cursor(hint)
        name = cursor.word()
        frame = frame.withColumn(name, frame[name].cast(cursor.rest()))
    return frame


def _arguments(text: str, engine: Engine, like: Any) -> tuple[str, dict[str, str]]:
    path, options = "", {}
    for each in split_list(text):
        cursor = Cursor(each)
        if cursor.at_string:
            path = cursor.string()
        elif cursor.looks_at(":"):
            path = str(engine.value(each, like))
        else:
            name = cursor.word()
            cursor.expect("=>")
            plain = cursor.at_string or not cursor.looks_at(":")
            options[name] = cursor.value() if plain else str(engine.value(cursor.rest(), like))
    return path, options
