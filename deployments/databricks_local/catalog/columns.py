"""Columns of tables: as the Unity Catalog API shows them, and as the fields of a Delta schema. Pure."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from databricks_local.api.bodies import Json, read_boolean, read_integer, read_required_string, read_string
from databricks_local.api.errors import ApiError, invalid_parameter

_TEXT_OF = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint"}
"""Types of Delta whose names in SQL are others."""

_TYPE_OF = {text: name for name, text in _TEXT_OF.items()} | {"real": "float", "dec": "decimal(10,0)"}
_PLAIN = frozenset(
    {
        "string", "integer", "long", "short", "byte", "float", "double", "boolean", "binary", "date",
        "timestamp", "timestamp_ntz", "variant",
    }
)  # fmt: skip
_DECIMAL = re.compile(r"decimal\s*\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?\)")
_CHARACTERS = re.compile(r"(?:var)?char\s*\(\s*\d{1,9}\s*\)")
_CHARACTERS_KEY = "__CHAR_VARCHAR_TYPE_STRING"
_MAX_DEPTH = 50
MAX_PRECISION = 38


def column_infos(fields: Sequence[Json], partitions: Sequence[str]) -> list[Json]:
    """The columns as the API shows them.

    Args:
        fields: The fields of the Delta schema.
        partitions: The names of the columns by which the table is partitioned.
    """
    return [_column_info(position, field, partitions) for position, field in enumerate(fields)]


def _column_info(position: int, field: Json, partitions: Sequence[str]) -> Json:
    kind = field["type"]
    name = kind if isinstance(kind, str) else str(kind["type"])
    metadata = field.get("metadata", {})
    shown: Json = {
        "name": field["name"],
        "type_text": metadata.get(_CHARACTERS_KEY) or type_text(kind),
        "type_json": json.dumps(field),
        "type_name": "INT" if name == "integer" else name.split("(")[0].upper(),
        "position": position,
        "nullable": bool(field.get("nullable", True)),
    }
    decimal = _DECIMAL.fullmatch(name)
    if decimal:
        shown |= {"type_precision": int(decimal[1]), "type_scale": int(decimal[2] or 0)}
    if "comment" in metadata:
        shown["comment"] = metadata["comment"]
    if field["name"] in partitions:
        shown["partition_index"] = list(partitions).index(field["name"])
    return shown


def type_text(kind: Any) -> str:
    """A type of a Delta schema in SQL.

    Example:
        >>> type_text({"type": "array", "elementType": "integer", "containsNull": True})
        'array<int>'
    """
    if isinstance(kind, str):
        return _TEXT_OF.get(kind, kind)
    if kind["type"] == "array":
        return f"array<{type_text(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"map<{type_text(kind['keyType'])},{type_text(kind['valueType'])}>"
    inner = ",".join(f"{field['name']}:{type_text(field['type'])}" for field in kind["fields"])
    return f"struct<{inner}>"


def fields_of(columns: Sequence[Json]) -> list[Json]:
    """The fields of a Delta schema for columns as the API takes them.

    Raises:
        ApiError: If a column has no name or a type that tables cannot have.
    """
    ordered = sorted(columns, key=lambda column: read_integer(column, "position"))
    fields = [_field_of(column) for column in ordered]
    times = Counter(field["name"].lower() for field in fields)
    for name, number in times.items():
        if number > 1:
            raise invalid_parameter(f"[COLUMN_ALREADY_EXISTS] The column `{name}` already exists.")
    return fields


def partitions_of(columns: Sequence[Json]) -> list[str]:
    """The names of the columns by which a table is partitioned, in their order."""
    chosen = [column for column in columns if "partition_index" in column]
    ordered = sorted(chosen, key=lambda column: read_integer(column, "partition_index"))
    return [read_required_string(column, "name") for column in ordered]


def _field_of(column: Json) -> Json:
    name = read_required_string(column, "name")
    given: Any = None
    try:
        given = json.loads(read_string(column, "type_json") or "null")
    except ValueError:
        # The type alone, as text: some clients send `type_json: "int"`.
        given = read_string(column, "type_json")
    field: Json = {"name": name, "nullable": read_boolean(column, "nullable", default=True), "metadata": {}}
    if isinstance(given, dict) and "type" in given and not _is_type(given):
        metadata = given.get("metadata")
        field["metadata"] = dict(metadata) if isinstance(metadata, dict) else {}
        given = given["type"]
    if given is None:
        given = read_string(column, "type_text") or _type_by_name(column)
    if isinstance(given, str) and _CHARACTERS.fullmatch(given.strip().lower()):
        field["metadata"][_CHARACTERS_KEY] = given.strip().lower()
        given = "string"
    field["type"] = _type_of(given, name, 0)
    comment = read_string(column, "comment")
    if comment:
        field["metadata"]["comment"] = comment
    return field


def _type_by_name(column: Json) -> str:
    name = read_string(column, "type_name")
    if name.upper() != "DECIMAL" or "type_precision" not in column:
        return name
    return f"decimal({read_integer(column, 'type_precision')},{read_integer(column, 'type_scale')})"


def _is_type(given: Json) -> bool:
    return given["type"] in ("array", "map", "struct")


def _type_of(given: Any, name: str, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise _unknown_type(given, name)
    if isinstance(given, str):
        return _type_in(given.strip(), name, depth)
    if not isinstance(given, dict):
        raise _unknown_type(given, name)
    kind = given.get("type")
    if kind == "array":
        element = _type_of(given.get("elementType"), name, depth + 1)
        return {
            "type": "array",
            "elementType": element,
            "containsNull": given.get("containsNull") is not False,
        }
    if kind == "map":
        return {
            "type": "map",
            "keyType": _type_of(given.get("keyType"), name, depth + 1),
            "valueType": _type_of(given.get("valueType"), name, depth + 1),
            "valueContainsNull": given.get("valueContainsNull") is not False,
        }
    inner = given.get("fields")
    if kind != "struct" or not isinstance(inner, list):
        raise _unknown_type(given, name)
    return {"type": "struct", "fields": [_inner_field(field, name, depth) for field in inner]}


def _inner_field(field: Any, name: str, depth: int) -> Json:
    if not isinstance(field, dict) or not isinstance(field.get("name"), str):
        raise _unknown_type(field, name)
    metadata = field.get("metadata")
    return {
        "name": field["name"],
        "type": _type_of(field.get("type"), name, depth + 1),
        "nullable": field.get("nullable") is not False,
        "metadata": metadata if isinstance(metadata, dict) else {},
    }


def _type_in(text: str, name: str, depth: int) -> Any:
    """The type that is written in SQL, or as Delta writes it."""
    low = text.lower()
    plain = _TYPE_OF.get(low, low)
    if plain in _PLAIN:
        return plain
    decimal = _DECIMAL.fullmatch("decimal(10,0)" if plain == "decimal" else plain)
    if decimal and 1 <= int(decimal[1]) <= MAX_PRECISION and int(decimal[2] or 0) <= int(decimal[1]):
        return f"decimal({int(decimal[1])},{int(decimal[2] or 0)})"
    outer, _, inner = text.partition("<")
    if not inner.endswith(">"):
        raise _unknown_type(text, name)
    parts = _split(inner[:-1])
    if outer.lower() == "array":
        return _type_of({"type": "array", "elementType": inner[:-1]}, name, depth)
    if outer.lower() == "map" and len(parts) == len(("key", "value")):
        return _type_of({"type": "map", "keyType": parts[0], "valueType": parts[1]}, name, depth)
    if outer.lower() == "struct":
        pairs = [part.partition(":") for part in parts]
        fields = [{"name": field.strip(" `"), "type": kind} for field, _, kind in pairs]
        return _type_of({"type": "struct", "fields": fields}, name, depth)
    raise _unknown_type(text, name)


def _split(text: str) -> list[str]:
    """The parts between the commas that are in no brackets."""
    parts, depth, begin = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            parts.append(text[begin:position])
            begin = position + 1
    return [*parts, text[begin:]]


def _unknown_type(given: Any, name: str) -> ApiError:
    shown = given if isinstance(given, str) else json.dumps(given)
    return invalid_parameter(f"Column `{name[:255]}` has a type that tables cannot have: {shown[:200]}")
