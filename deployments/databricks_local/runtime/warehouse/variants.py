"""VARIANT in Arrow: which columns are of it, also in what is nested, and their values as JSON. Pure."""

from typing import Any

from databricks_local.runtime.warehouse.schemas import under_schema

_NAME = b"ARROW:extension:name"
_VARIANT = b"arrow.parquet.variant"
"""The extension type in which Sail has VARIANT. It says so of columns, not of what is nested."""


def is_variant(field: Any) -> bool:
    """Whether a field is a VARIANT."""
    return (field.metadata or {}).get(_NAME) == _VARIANT


def variant_json(value: dict[str, bytes]) -> str:
    """The JSON of a VARIANT."""
    from pyspark.sql.types import VariantVal

    return VariantVal(value["value"], value["metadata"]).toJson()


def with_variants(table: Any, schema: Any) -> Any:
    """A table in which each VARIANT is marked as one.

    Args:
        table: The table.
        schema: Its schema as Spark has it; None if it is not known.
    """
    import pyarrow as pa

    if schema is None or "variant" not in schema.simpleString():
        return table
    fields = [_marked(field, each.dataType) for field, each in zip(table.schema, schema.fields, strict=True)]
    return under_schema(table, pa.schema(fields, table.schema.metadata))


def _marked(field: Any, kind: Any) -> Any:
    import pyarrow as pa
    from pyspark.sql.types import ArrayType, MapType, StructType, VariantType

    arrow = field.type
    if isinstance(kind, VariantType):
        return field.with_metadata({_NAME: _VARIANT})
    if isinstance(kind, ArrayType):
        arrow = pa.list_(_marked(arrow.value_field, kind.elementType))
    elif isinstance(kind, MapType):
        arrow = pa.map_(_marked(arrow.key_field, kind.keyType), _marked(arrow.item_field, kind.valueType))
    elif isinstance(kind, StructType):
        arrow = pa.struct([_marked(arrow.field(index), each.dataType) for index, each in enumerate(kind)])
    return field.with_type(arrow)
