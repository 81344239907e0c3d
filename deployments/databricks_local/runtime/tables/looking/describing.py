"""DESCRIBE: tables, their details and history, schemas and catalogs."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.log import DeltaLog
from databricks_local.runtime.tables.delta.schema import Field, comment_of, fields_of, find, shown_type
from databricks_local.runtime.tables.engine import answer
from databricks_local.runtime.tables.errors import analysis_error, catalog_not_found
from databricks_local.runtime.tables.information_schema import moment
from databricks_local.runtime.tables.looking.details import detail, history
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.reading.tokens import quoted_name
from databricks_local.runtime.tables.sources import Sources
from databricks_local.runtime.tables.statements import Statement

_COLUMNS = (("col_name", "string"), ("data_type", "string"), ("comment", "string"))
_JSON = (("json_metadata", "string"),)
_DECIMAL = re.compile(r"decimal\((\d+), ?(\d+)\)")
_TYPE_NAMES = {
    "long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint", "timestamp": "timestamp_ltz",
}  # fmt: skip
"""The names that differ from those of the Delta log."""

Row = tuple[str, str, str | None]


def describe(statement: Statement, cursor: Cursor) -> Any:
    """Serve DESCRIBE; None for what the engine describes."""
    if not cursor.accept("DESCRIBE"):
        cursor.expect("DESC")
    if cursor.looks_at("FUNCTION"):
        return None
    for words, serve in _DESCRIBED:
        if cursor.accept(*words):
            return serve(statement, cursor)
    if any(map(cursor.looks_at, ("SELECT", "WITH", "VALUES", "FROM"))):
        return _query(statement, cursor.rest())
    cursor.accept("TABLE")
    extended = bool(cursor.accept_any("EXTENDED", "FORMATTED"))
    return _table(statement, cursor, extended=extended)


def _table(statement: Statement, cursor: Cursor, *, extended: bool) -> Any:
    parts = cursor.name()
    entry = statement.catalog.find(parts)
    if entry is None:
        text = f"SELECT * FROM {quoted_name(*parts)}"  # noqa: S608 - names of their own
        if cursor.accept("AS", "JSON"):
            # A temporary view.
            told = {"table_name": parts[-1], "columns": list(map(_column_as_json, _fields(statement, text)))}
            return answer(_JSON, [(json.dumps(told),)])
        return _query(statement, text)
    fields, partitions = columns_of(entry)
    if cursor.accept("AS", "JSON"):
        return answer(_JSON, [(json.dumps(_as_json(entry, fields, partitions)),)])
    if not cursor.at_end and not cursor.looks_at("AS"):
        return _column(fields, ".".join(cursor.name()))
    rows: list[Row] = [(field["name"], shown_type(field), comment_of(field)) for field in fields]
    if partitions:
        rows += [("# Partition Information", "", ""), ("# col_name", "data_type", "comment")]
        rows += [(name, shown_type(find(fields, name) or {}), None) for name in partitions]
    if extended:
        rows += [("", "", ""), ("# Detailed Table Information", "", ""), *_told(entry)]
    return answer(_COLUMNS, rows)


def columns_of(entry: Entry) -> tuple[list[Field], list[str]]:
    """The columns of a table or view, and those by which it is partitioned."""
    if entry.is_delta and entry.path is not None:
        log = DeltaLog(entry.path)
        if not log.exists:
            raise analysis_error("DELTA_MISSING_DELTA_TABLE", f"{entry.shown} is not a Delta table.")
        snapshot = log.snapshot()
        return list(snapshot.fields), list(snapshot.partitions)
    columns = entry.record.get("columns") or []
    fields = []
    for column in columns:
        field = json.loads(column["type_json"])
        if column.get("comment"):
            field["metadata"] = {**field.get("metadata", {}), "comment": column["comment"]}
        fields.append(field)
    partitioned = [column for column in columns if "partition_index" in column]
    return fields, [
        column["name"] for column in sorted(partitioned, key=lambda each: each["partition_index"])
    ]


def _column(fields: list[Field], name: str) -> Any:
    field = find(fields, name)
    if field is None:
        raise analysis_error("COLUMN_NOT_FOUND", f"The column {quoted_name(name)} cannot be found.")
    rows = [
        ("col_name", field["name"]),
        ("data_type", shown_type(field)),
        ("comment", comment_of(field) or "NULL"),
    ]
    return answer((("info_name", "string"), ("info_value", "string")), rows)


def _told(entry: Entry) -> Iterator[Row]:
    record = entry.record
    if not entry.by_path:
        for label, part in zip(("Catalog", "Database", "Table"), entry.names, strict=True):
            yield label, part, ""
        yield "Created Time", str(moment(record.get("created_at")) or ""), ""
        yield "Last Access", "UNKNOWN", ""
        yield "Created By", str(record.get("created_by", "")), ""
        yield "Type", str(record.get("table_type", "")), ""
    comment = record.get("comment")
    if comment:
        yield "Comment", str(comment), ""
    if entry.is_view:
        yield "View Text", str(record["view_definition"]), ""
    else:
        yield "Location", str(record.get("storage_location") or entry.names[-1]), ""
        yield "Provider", str(record.get("data_source_format", "delta")).lower(), ""
    if not entry.by_path:
        yield "Owner", str(record.get("owner", "")), ""
    if record.get("table_type") == "MANAGED":
        yield "Is_managed_location", "true", ""
    yield "Table Properties", _properties_text(table_properties(entry)), ""


def _as_json(entry: Entry, fields: list[Field], partitions: list[str]) -> dict[str, Any]:
    """A table as DESCRIBE … AS JSON tells it (docs: JSON formatted output)."""
    record = entry.record
    shown = {
        "columns": [_column_as_json(field) for field in fields],
        "type": record.get("table_type"),
        "owner": record.get("owner"),
        "comment": record.get("comment"),
        "table_properties": table_properties(entry),
    }
    if not entry.by_path:
        names = dict(zip(("catalog_name", "schema_name", "table_name"), entry.names, strict=True))
        shown |= {**names, "namespace": [names["schema_name"]]}
    if partitions:
        shown["partition_columns"] = partitions
    if entry.is_view:
        shown["view_text"] = record["view_definition"]
    else:
        provider = str(record.get("data_source_format", "delta")).lower()
        shown |= {"location": record.get("storage_location"), "provider": provider}
    return {name: value for name, value in shown.items() if value is not None}


def _column_as_json(field: Field) -> dict[str, Any]:
    comment = comment_of(field)
    shown = {
        "name": field["name"],
        "type": _type_as_json(field["type"]),
        "nullable": field.get("nullable", True),
    }
    return {**shown, "comment": comment} if comment else shown


def _type_as_json(kind: Any) -> dict[str, Any]:
    """A type of the Delta log as an object."""
    if isinstance(kind, str):
        decimal = _DECIMAL.fullmatch(kind)
        if decimal is not None:
            return {"name": "decimal", "precision": int(decimal[1]), "scale": int(decimal[2])}
        return {"name": _TYPE_NAMES.get(kind, kind)}
    if kind["type"] == "array":
        nullable = kind.get("containsNull", True)
        return {
            "name": "array",
            "element_type": _type_as_json(kind["elementType"]),
            "element_nullable": nullable,
        }
    if kind["type"] == "map":
        return {
            "name": "map",
            "key_type": _type_as_json(kind["keyType"]),
            "value_type": _type_as_json(kind["valueType"]),
            "value_nullable": kind.get("valueContainsNull", True),
        }
    return {"name": "struct", "fields": [_column_as_json(each) for each in kind["fields"]]}


def _properties_text(properties: dict[str, str]) -> str:
    return "[" + ",".join(f"{name}={value}" for name, value in sorted(properties.items())) + "]"


def table_properties(entry: Entry) -> dict[str, str]:
    """The properties of a table, with those that Delta adds."""
    shown = {
        name: value
        for name, value in entry.properties.items()
        if not name.startswith(("databricks_local.", "option."))
    }
    if not entry.is_delta or entry.path is None:
        return shown
    snapshot = DeltaLog(entry.path).snapshot()
    versions = {
        f"delta.{name}": str(snapshot.protocol[name]) for name in ("minReaderVersion", "minWriterVersion")
    }
    return {**shown, **snapshot.configuration, **versions}


def _fields(statement: Statement, text: str) -> list[Field]:
    query = Sources(statement.engine, statement.catalog).in_query(text, statement.relation)
    return list(fields_of(statement.engine.frame(query, statement.relation).schema))


def _query(statement: Statement, text: str) -> Any:
    fields = _fields(statement, text)
    return answer(_COLUMNS, [(field["name"], shown_type(field), comment_of(field)) for field in fields])


def _schema(statement: Statement, cursor: Cursor) -> Any:
    catalog = statement.catalog
    extended = cursor.accept("EXTENDED")
    names = catalog.full_schema(cursor.name())
    told = catalog.require_schema(names)
    rows = [
        ("Catalog Name", names[0]),
        ("Namespace Name", names[1]),
        ("Comment", told.get("comment", "")),
        ("Location", told.get("storage_location", "")),
        ("Owner", told.get("owner", "")),
    ]
    if extended:
        rows.append(("Properties", _properties_text(told.get("properties") or {})))
    return answer((("database_description_item", "string"), ("database_description_value", "string")), rows)


def _catalog(statement: Statement, cursor: Cursor) -> Any:
    catalog = statement.catalog
    extended = cursor.accept("EXTENDED")
    name = cursor.word().lower()
    told = catalog.client.find("catalogs", (name,))
    if told is None:
        raise catalog_not_found(name)
    rows = [("Catalog Name", name), ("Comment", told.get("comment", "")), ("Owner", told.get("owner", ""))]
    if extended:
        rows.append(("Catalog Type", told.get("catalog_type", "")))
    return answer((("info_name", "string"), ("info_value", "string")), rows)


def _history_of(statement: Statement, cursor: Cursor) -> Any:
    return history(statement.catalog.require_table(cursor.name(), "DESCRIBE HISTORY"), cursor)


def _detail_of(statement: Statement, cursor: Cursor) -> Any:
    return detail(statement.catalog.require_table(cursor.name(), "DESCRIBE DETAIL"))


_DESCRIBED: tuple[tuple[tuple[str, ...], Callable[[Statement, Cursor], Any]], ...] = (
    (("SCHEMA",), _schema),
    (("DATABASE",), _schema),
    (("CATALOG",), _catalog),
    (("QUERY",), lambda statement, cursor: _query(statement, cursor.rest())),
    (("HISTORY",), _history_of),
    (("DETAIL",), _detail_of),
)
