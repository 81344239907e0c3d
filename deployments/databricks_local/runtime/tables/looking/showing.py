"""SHOW: what is in the catalog."""

import re
from collections.abc import Callable
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.catalog.session import SessionCatalog
from databricks_local.runtime.tables.delta.log import DeltaLog
from databricks_local.runtime.tables.delta.schema import Field, comment_of, shown_type
from databricks_local.runtime.tables.engine import answer
from databricks_local.runtime.tables.errors import analysis_error, catalog_not_found, refused
from databricks_local.runtime.tables.information_schema import INFORMATION_SCHEMA
from databricks_local.runtime.tables.looking.describing import columns_of, table_properties
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.reading.tokens import quoted_name, quoted_text
from databricks_local.runtime.tables.statements import Statement

OWN_VIEWS = "__local_"
"""How the names of views begin that statements are served with."""


def show(statement: Statement, cursor: Cursor) -> Any:
    """Serve SHOW; None for what the engine shows."""
    cursor.expect("SHOW")
    catalog = statement.catalog
    for words, serve in _SHOWN:
        if cursor.accept(*words):
            shown = serve(catalog, cursor)
            cursor.finish()
            return shown
    return None


def _pattern(cursor: Cursor) -> Callable[[str], bool]:
    """The pattern that names have to match; `*` stands for any characters, `|` parts alternatives."""
    cursor.accept("LIKE")
    if not cursor.at_string:
        return lambda name: True
    given = "|".join(re.escape(each).replace(r"\*", ".*") for each in cursor.string().split("|"))
    compiled = re.compile(given, re.IGNORECASE)
    return lambda name: compiled.fullmatch(name) is not None


def _within(catalog: SessionCatalog, cursor: Cursor) -> tuple[str, ...]:
    """The schema after FROM or IN; without it that of the session."""
    names = catalog.full_schema(cursor.name()) if cursor.accept_any("FROM", "IN") else None
    place = names or (catalog.place.catalog, catalog.place.schema)
    if place[1] != INFORMATION_SCHEMA:
        catalog.require_schema(place)
    return place


def _catalogs(catalog: SessionCatalog, cursor: Cursor) -> Any:
    fits = _pattern(cursor)
    names = sorted(each["name"] for each in catalog.client.catalogs())
    return answer([("catalog", "string")], [(name,) for name in names if fits(name)])


def _schemas(catalog: SessionCatalog, cursor: Cursor) -> Any:
    name = cursor.word().lower() if cursor.accept_any("FROM", "IN") else catalog.place.catalog
    if catalog.client.find("catalogs", (name,)) is None:
        raise catalog_not_found(name)
    fits = _pattern(cursor)
    names = sorted(each["name"] for each in catalog.client.schemas(name))
    return answer([("databaseName", "string")], [(each,) for each in names if fits(each)])


def _tables(catalog: SessionCatalog, cursor: Cursor) -> Any:
    within = _within(catalog, cursor)
    fits = _pattern(cursor)
    rows = [(within[1], each["name"], False) for each in catalog.client.tables(*within) if fits(each["name"])]
    rows += [("", name, True) for name in temporary_views(catalog) if fits(name)]
    columns = [("database", "string"), ("tableName", "string"), ("isTemporary", "boolean")]
    return answer(columns, sorted(rows, key=lambda row: row[1]))


def _views(catalog: SessionCatalog, cursor: Cursor) -> Any:
    within = _within(catalog, cursor)
    fits = _pattern(cursor)
    views = [each["name"] for each in catalog.client.tables(*within) if each["table_type"] == "VIEW"]
    rows = [(within[1], name, False, False) for name in views if fits(name)]
    rows += [("", name, True, False) for name in temporary_views(catalog) if fits(name)]
    columns = [("namespace", "string"), ("viewName", "string"), ("isTemporary", "boolean")]
    return answer([*columns, ("isMaterialized", "boolean")], sorted(rows, key=lambda row: row[1]))


def temporary_views(catalog: SessionCatalog) -> list[str]:
    """The views of the session alone."""
    return sorted(name for name in catalog.temporary if not name.startswith(OWN_VIEWS))


def _table_extended(catalog: SessionCatalog, cursor: Cursor) -> Any:
    within = _within(catalog, cursor)
    fits = _pattern(cursor)
    columns = [
        ("database", "string"),
        ("tableName", "string"),
        ("isTemporary", "boolean"),
        ("information", "string"),
    ]
    rows = []
    for record in catalog.client.tables(*within):
        if fits(record["name"]):
            told = {"Catalog": within[0], "Database": within[1], "Table": record["name"]}
            told |= {
                "Type": record["table_type"],
                "Provider": str(record.get("data_source_format", "")).lower(),
            }
            told |= {"Location": record.get("storage_location", "")}
            told |= {"Owner": record.get("owner", ""), "Comment": record.get("comment", "")}
            text = "".join(f"{name}: {value}\n" for name, value in told.items() if value)
            fields, _ = columns_of(catalog.require((*within, record["name"])))
            rows.append((within[1], record["name"], False, f"{text}Schema: root\n{_tree(fields)}\n"))
    return answer(columns, rows)


def _tree(fields: list[Field]) -> str:
    """The columns of a table as Spark prints a schema, without what is inside of them."""
    lines = []
    for field in fields:
        kind = field["type"] if isinstance(field["type"], str) else field["type"]["type"]
        lines.append(
            f" |-- {field['name']}: {kind} (nullable = {str(field.get('nullable', True)).lower()})\n"
        )
    return "".join(lines)


def _columns(catalog: SessionCatalog, cursor: Cursor) -> Any:
    cursor.accept_any("FROM", "IN")
    parts = cursor.name()
    if cursor.accept_any("FROM", "IN"):
        parts = (*cursor.name(), parts[-1])
    fields, _ = columns_of(catalog.require(parts))
    return answer([("col_name", "string")], [(field["name"],) for field in fields])


def _properties(catalog: SessionCatalog, cursor: Cursor) -> Any:
    entry = catalog.require(cursor.name())
    properties = table_properties(entry)
    columns = [("key", "string"), ("value", "string")]
    if cursor.accept("("):
        key = cursor.key()
        missing = f"Table {'.'.join(entry.names)} does not have property: {key}"
        return answer(columns, [(key, properties.get(key, missing))])
    return answer(columns, sorted(properties.items()))


def _partitions(catalog: SessionCatalog, cursor: Cursor) -> Any:
    entry = catalog.require_table(cursor.name(), "SHOW PARTITIONS")
    snapshot = DeltaLog(entry.on_disk("SHOW PARTITIONS")).snapshot()
    if not snapshot.partitions:
        raise analysis_error(
            "INVALID_PARTITION_OPERATION.PARTITION_SCHEMA_IS_EMPTY",
            f"The partition command is invalid. Table {entry.shown} is not partitioned.",
        )
    values = {tuple((add["partitionValues"] or {}).get(name) for name in snapshot.partitions)
              for add in snapshot.files.values()}  # fmt: skip
    rows = sorted(values, key=lambda row: tuple(value or "" for value in row))
    return answer([(name, "string") for name in snapshot.partitions], rows)


def _create_table(catalog: SessionCatalog, cursor: Cursor) -> Any:
    entry = catalog.require(cursor.name())
    return answer([("createtab_stmt", "string")], [(create_text(entry),)])


def create_text(entry: Entry) -> str:
    """The statement that makes a table or view."""
    name = ".".join(part if re.fullmatch(r"\w+", part) else quoted_name(part) for part in entry.names)
    fields, partitions = columns_of(entry)
    if entry.is_view:
        columns = ",\n".join(f"  {field['name']}" for field in fields)
        return f"CREATE VIEW {name} (\n{columns})\nAS {entry.record['view_definition']}\n"
    lines = ",\n".join(f"  {_column_text(field)}" for field in fields)
    kind = str(entry.record.get("data_source_format", "delta")).lower()
    text = f"CREATE TABLE {name} (\n{lines})\nUSING {kind}\n"
    if partitions:
        text += f"PARTITIONED BY ({', '.join(partitions)})\n"
    if entry.record.get("comment"):
        text += f"COMMENT {quoted_text(entry.record['comment'])}\n"
    if entry.record.get("table_type") != "MANAGED":
        text += f"LOCATION {quoted_text(entry.record.get('storage_location') or entry.names[-1])}\n"
    properties = table_properties(entry)
    inner = ",\n".join(f"  {quoted_text(key)} = {quoted_text(properties[key])}" for key in sorted(properties))
    return f"{text}TBLPROPERTIES (\n{inner})\n" if inner else text


def _column_text(field: dict[str, Any]) -> str:
    name = field["name"] if re.fullmatch(r"\w+", field["name"]) else quoted_name(field["name"])
    text = f"{name} {shown_type(field).upper()}"
    metadata = field.get("metadata", {})
    if not field["nullable"]:
        text += " NOT NULL"
    if "delta.generationExpression" in metadata:
        text += f" GENERATED ALWAYS AS ( {metadata['delta.generationExpression']} )"
    if "delta.identity.start" in metadata:
        how = "BY DEFAULT" if metadata.get("delta.identity.allowExplicitInsert") else "ALWAYS"
        start, step = metadata["delta.identity.start"], metadata["delta.identity.step"]
        text += f" GENERATED {how} AS IDENTITY (START WITH {start} INCREMENT BY {step})"
    if "CURRENT_DEFAULT" in metadata:
        text += f" DEFAULT {metadata['CURRENT_DEFAULT']}"
    comment = comment_of(field)
    return text if comment is None else f"{text} COMMENT {quoted_text(comment)}"


def _volumes(catalog: SessionCatalog, cursor: Cursor) -> Any:
    within = _within(catalog, cursor)
    fits = _pattern(cursor)
    names = sorted(each["name"] for each in catalog.client.volumes(*within))
    columns = [("database", "string"), ("volume_name", "string")]
    return answer(columns, [(within[1], name) for name in names if fits(name)])


def _current(catalog: SessionCatalog, cursor: Cursor) -> Any:
    cursor.accept_any("SCHEMA", "DATABASE", "NAMESPACE")
    place = catalog.place
    return answer([("catalog", "string"), ("namespace", "string")], [(place.catalog, place.schema)])


def _refused(what: str, instead: str) -> Callable[[SessionCatalog, Cursor], Any]:
    def refuse(catalog: SessionCatalog, cursor: Cursor) -> Any:
        raise refused(what, instead)

    return refuse


_SHOWN: tuple[tuple[tuple[str, ...], Callable[[SessionCatalog, Cursor], Any]], ...] = (
    (("CATALOGS",), _catalogs),
    (("SCHEMAS",), _schemas),
    (("DATABASES",), _schemas),
    (("TABLES",), _tables),
    (("VIEWS",), _views),
    (("TABLE", "EXTENDED"), _table_extended),
    (("COLUMNS",), _columns),
    (("CREATE", "TABLE"), _create_table),
    (("TBLPROPERTIES",), _properties),
    (("PARTITIONS",), _partitions),
    (("VOLUMES",), _volumes),
    (("CURRENT",), _current),
    (("USERS",), _refused("SHOW USERS", "there is one user, whom current_user() names")),
    (("GROUPS",), _refused("SHOW GROUPS", "there are no groups")),
    (("SHARES",), _refused("SHOW SHARES", "there is no Delta Sharing")),
)
