"""The columns of a result as the manifest of a statement describes them. Pure."""

from typing import Any

NAMES = {
    "tinyint": "BYTE",
    "smallint": "SHORT",
    "int": "INT",
    "bigint": "LONG",
    "float": "FLOAT",
    "double": "DOUBLE",
    "decimal": "DECIMAL",
    "string": "STRING",
    "char": "CHAR",
    "varchar": "STRING",
    "binary": "BINARY",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp_ntz": "TIMESTAMP",
    "interval": "INTERVAL",
    "void": "NULL",
    "array": "ARRAY",
    "map": "MAP",
    "struct": "STRUCT",
}
"""`type_name` by the first word of a type (docs: ColumnInfoTypeName)."""


def columns_of(schema: Any) -> list[dict[str, Any]]:
    """The columns of a Spark schema, as in the manifest.

    Example:
        >>> from pyspark.sql.types import LongType, StructField, StructType
        >>> columns_of(StructType([StructField("id", LongType())]))
        [{'name': 'id', 'position': 0, 'type_name': 'LONG', 'type_text': 'BIGINT'}]
    """
    return [_column(field, position) for position, field in enumerate(schema.fields)]


def _column(field: Any, position: int) -> dict[str, Any]:
    kind = field.dataType
    simple = kind.simpleString()
    word = simple.split("(")[0].split("<")[0].split(" ")[0]
    column: dict[str, Any] = {
        "name": field.name,
        "position": position,
        "type_name": NAMES.get(word, "USER_DEFINED_TYPE"),
        "type_text": _text(kind),
    }
    if word == "decimal":
        column |= {"type_precision": kind.precision, "type_scale": kind.scale}
    if word == "interval":
        column["type_interval_type"] = simple.removeprefix("interval ").upper()
    return column


def _text(kind: Any) -> str:
    """The SQL name of a type. The names of fields keep their case."""
    from pyspark.sql.types import ArrayType, MapType, StructType

    if isinstance(kind, ArrayType):
        return f"ARRAY<{_text(kind.elementType)}>"
    if isinstance(kind, MapType):
        return f"MAP<{_text(kind.keyType)}, {_text(kind.valueType)}>"
    if isinstance(kind, StructType):
        return f"STRUCT<{', '.join(f'{field.name}: {_text(field.dataType)}' for field in kind.fields)}>"
    return str(kind.simpleString()).upper()
