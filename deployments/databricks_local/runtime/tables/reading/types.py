"""Reads types of SQL into types as Delta writes them. Pure."""

from typing import Any

from databricks_local.runtime.tables.reading.cursor import Cursor, StatementError

_NAMES = {
    "tinyint": "byte", "byte": "byte", "smallint": "short", "short": "short", "int": "integer",
    "integer": "integer", "bigint": "long", "long": "long", "float": "float", "real": "float",
    "double": "double", "boolean": "boolean", "string": "string", "binary": "binary", "date": "date",
    "timestamp": "timestamp", "timestamp_ltz": "timestamp", "timestamp_ntz": "timestamp_ntz",
    "variant": "variant", "void": "void",
}  # fmt: skip
_DEFAULT_DECIMAL = (10, 0)


def read_type(cursor: Cursor) -> Any:
    """The type that begins here.

    Raises:
        StatementError: If there is none.

    Example:
        >>> read_type(Cursor("ARRAY<DECIMAL(4, 1)>"))
        {'type': 'array', 'elementType': 'decimal(4,1)', 'containsNull': True}
    """
    name = cursor.word().lower()
    if name in _NAMES:
        return _NAMES[name]
    if name in ("decimal", "dec", "numeric"):
        precision, scale = _numbers(cursor) if cursor.looks_at("(") else _DEFAULT_DECIMAL
        return f"decimal({precision},{scale})"
    if name in ("char", "character", "varchar"):
        length, _ = _numbers(cursor)
        return f"{'varchar' if name == 'varchar' else 'char'}({length})"
    if name not in ("array", "map", "struct"):
        raise StatementError(f"[UNSUPPORTED_DATATYPE] Unsupported data type {name.upper()}")
    # An empty struct.
    if name == "struct" and cursor.accept("<>"):
        return {"type": "struct", "fields": []}
    cursor.expect("<")
    read = {"array": _array, "map": _map, "struct": _struct}[name](cursor)
    cursor.expect(">")
    return read


def _numbers(cursor: Cursor) -> tuple[int, int]:
    cursor.expect("(")
    first = int(cursor.value())
    second = int(cursor.value()) if cursor.accept(",") else 0
    cursor.expect(")")
    return first, second


def _array(cursor: Cursor) -> Any:
    return {"type": "array", "elementType": read_type(cursor), "containsNull": True}


def _map(cursor: Cursor) -> Any:
    key = read_type(cursor)
    cursor.expect(",")
    return {"type": "map", "keyType": key, "valueType": read_type(cursor), "valueContainsNull": True}


def _struct(cursor: Cursor) -> Any:
    fields: list[Any] = []
    while not cursor.looks_at(">"):
        name = cursor.word()
        cursor.accept(":")
        field: Any = {"name": name, "type": read_type(cursor), "nullable": True, "metadata": {}}
        if cursor.accept("NOT", "NULL"):
            field["nullable"] = False
        if cursor.accept("COMMENT"):
            field["metadata"] = {"comment": cursor.string()}
        fields.append(field)
        if not cursor.looks_at(">"):
            cursor.expect(",")
    return {"type": "struct", "fields": fields}
