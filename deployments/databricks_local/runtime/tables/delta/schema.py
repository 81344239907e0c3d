"""Fields of Delta schemas, as JSON: from Spark's types, from SQL, and as SQL. Pure but for PySpark."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.reading.tokens import quoted_name
from databricks_local.runtime.tables.reading.types import read_type

Field = dict[str, Any]
"""A field as Delta and Spark write it: name, type, nullable, metadata."""

CHARACTERS = "__CHAR_VARCHAR_TYPE_STRING"
"""Where Delta keeps the length of CHAR and VARCHAR, which are strings otherwise."""

_TEXTS = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint"}
_NAMES = {"integer": "INT"}


def fields_of(schema: Any) -> list[Field]:
    """The fields of a Spark schema, as tables that are written have them: any value may be missing."""
    return [_nullable(field) for field in schema.jsonValue()["fields"]]


def field_in(name: str, type_ddl: str) -> Field:
    """The field of a column whose type is written in SQL.

    Raises:
        StatementError: If there is no such type.
    """
    cursor = Cursor(type_ddl)
    kind = read_type(cursor)
    cursor.finish()
    return _with_characters({"name": name, "type": kind, "nullable": True, "metadata": {}})


def _with_characters(field: Field) -> Field:
    kind = field["type"]
    if isinstance(kind, str) and kind.startswith(("char(", "varchar(")):
        return {**field, "type": "string", "metadata": {**field["metadata"], CHARACTERS: kind}}
    return {**field, "type": _plain(kind)}


def _plain(kind: Any) -> Any:
    """A type without CHAR and VARCHAR inside of it."""
    if isinstance(kind, str):
        return "string" if kind.startswith(("char(", "varchar(")) else kind
    if kind["type"] == "array":
        return {**kind, "elementType": _plain(kind["elementType"])}
    if kind["type"] == "map":
        return {**kind, "keyType": _plain(kind["keyType"]), "valueType": _plain(kind["valueType"])}
    return {**kind, "fields": [{**field, "type": _plain(field["type"])} for field in kind["fields"]]}


def _nullable(field: Field) -> Field:
    return {**field, "nullable": True, "type": _nullable_type(field["type"])}


def _nullable_type(kind: Any) -> Any:
    if isinstance(kind, str):
        return kind
    if kind["type"] == "array":
        return {**kind, "containsNull": True, "elementType": _nullable_type(kind["elementType"])}
    if kind["type"] == "map":
        value = _nullable_type(kind["valueType"])
        return {
            **kind,
            "valueContainsNull": True,
            "keyType": _nullable_type(kind["keyType"]),
            "valueType": value,
        }
    return {**kind, "fields": [_nullable(field) for field in kind["fields"]]}


def type_text(kind: Any) -> str:
    """A type in SQL, as DESCRIBE shows it.

    Example:
        >>> type_text({"type": "array", "elementType": "long", "containsNull": True})
        'array<bigint>'
    """
    return _text(kind, lambda name: name)


def type_ddl(kind: Any) -> str:
    """A type in SQL that can be read again, whatever the names of its fields are."""
    return _text(kind, quoted_name)


def _text(kind: Any, spelled: Any) -> str:
    if isinstance(kind, str):
        return _TEXTS.get(kind, kind)
    if kind["type"] == "array":
        return f"array<{_text(kind['elementType'], spelled)}>"
    if kind["type"] == "map":
        return f"map<{_text(kind['keyType'], spelled)},{_text(kind['valueType'], spelled)}>"
    inner = ",".join(f"{spelled(each['name'])}:{_text(each['type'], spelled)}" for each in kind["fields"])
    return f"struct<{inner}>"


def shown_type(field: Field) -> str:
    """The type of a column, as DESCRIBE shows it."""
    return str(field.get("metadata", {}).get(CHARACTERS) or type_text(field["type"]))


def type_name(field: Field) -> str:
    """The type of a column, as the Unity Catalog API names it."""
    kind = field["type"]
    name = kind if isinstance(kind, str) else str(kind["type"])
    return _NAMES.get(name, name.split("(")[0].upper())


def comment_of(field: Field) -> str | None:
    """What is said about a column."""
    comment = field.get("metadata", {}).get("comment")
    return None if comment is None else str(comment)


def find(fields: Iterable[Field], name: str) -> Field | None:
    """The field of a name, in any case."""
    return next((field for field in fields if field["name"].lower() == name.lower()), None)


def unknown(fields: Sequence[Field], others: Sequence[Field]) -> list[str]:
    """The names of others that are not among the fields, with their paths in structs, arrays and maps."""
    names: list[str] = []
    for other in others:
        field = find(fields, other["name"])
        if field is None:
            names.append(str(other["name"]))
        else:
            names += [f"{field['name']}.{name}" for name in _unknown_inside(field["type"], other["type"])]
    return names


def _unknown_inside(kind: Any, other: Any) -> list[str]:
    if isinstance(kind, str) or isinstance(other, str) or kind["type"] != other["type"]:
        return []
    if kind["type"] == "struct":
        return unknown(kind["fields"], other["fields"])
    if kind["type"] == "array":
        return _unknown_inside(kind["elementType"], other["elementType"])
    return _unknown_inside(kind["valueType"], other["valueType"])


def merged(fields: Sequence[Field], others: Sequence[Field]) -> list[Field]:
    """The fields with those of others that are new at their end, in structs, too.

    Raises:
        ValueError: If a field has another type in the others. It names the field.
    """
    known = {field["name"].lower(): field for field in others}
    old = [
        {**field, "type": merged_type(field["name"], field["type"], known[field["name"].lower()]["type"])}
        if field["name"].lower() in known
        else field
        for field in fields
    ]
    names = {field["name"].lower() for field in fields}
    return [*old, *(_nullable(field) for field in others if field["name"].lower() not in names)]


def merged_type(name: str, kind: Any, other: Any) -> Any:
    """A type with the fields that another one of its kind has besides. Values that can be cast keep the type.

    Raises:
        ValueError: If they are not of a kind.
    """
    if isinstance(kind, str) and isinstance(other, str):
        return kind
    if isinstance(kind, str) or isinstance(other, str) or kind["type"] != other["type"]:
        raise ValueError(name)
    if kind["type"] == "array":
        return {**kind, "elementType": merged_type(name, kind["elementType"], other["elementType"])}
    if kind["type"] == "map":
        return {**kind, "valueType": merged_type(name, kind["valueType"], other["valueType"])}
    return {**kind, "fields": merged(kind["fields"], other["fields"])}


def column_infos(fields: Sequence[Field], partitions: Sequence[str]) -> list[dict[str, Any]]:
    """The columns as the Unity Catalog API takes them."""
    import json

    infos: list[dict[str, Any]] = []
    for position, field in enumerate(fields):
        info: dict[str, Any] = {
            "name": field["name"],
            "type_text": shown_type(field),
            "type_name": type_name(field),
            "type_json": json.dumps(field),
            "position": position,
            "nullable": bool(field["nullable"]),
        }
        comment = comment_of(field)
        if comment is not None:
            info["comment"] = comment
        if field["name"] in partitions:
            info["partition_index"] = list(partitions).index(field["name"])
        infos.append(info)
    return infos


def with_metadata(field: Field, changes: Mapping[str, Any]) -> Field:
    """A field with metadata changed; None removes a key."""
    metadata = {**field.get("metadata", {}), **changes}
    return {**field, "metadata": {key: value for key, value in metadata.items() if value is not None}}
