"""The question whether a table has rows of a partition. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from databricks_blocks.csv.faults import InputError
from databricks_blocks.sql.parameters import is_null
from databricks_blocks.sql.texts.quoting import quoted_name, quoted_table

PartitionValue = Any
"""A value, or a list of values of which any will do; `None` for rows without a value."""


def partition_query(table: str, partition: Mapping[str, PartitionValue]) -> tuple[str, dict[str, Any]]:
    """Write the question, with its values bound.

    Args:
        table: The table: `table`, `schema.table` or `catalog.schema.table`.
        partition: Values by the names of columns.

    Returns:
        The statement, which has one row if there are rows, and its parameters.

    Raises:
        InputError: A name cannot be quoted, no column is given, or a list is empty.

    Examples:
        >>> query, parameters = partition_query("elt.plants", {"day": "2024-06-21", "kind": ["a"]})
        >>> query
        'SELECT true FROM `elt`.`plants` WHERE `day` = :p0 AND `kind` IN (:p1) LIMIT 1'
        >>> parameters
        {'p0': '2024-06-21', 'p1': 'a'}
    """
    if not partition:
        raise InputError("partition: name at least one column and its value")
    parameters: dict[str, Any] = {}
    conditions = [_condition(column, value, parameters) for column, value in partition.items()]
    query = f"SELECT true FROM {quoted_table(table)} WHERE {' AND '.join(conditions)} LIMIT 1"  # noqa: S608
    return query, parameters


def _condition(column: str, value: PartitionValue, parameters: dict[str, Any]) -> str:
    name = quoted_name(column)
    if isinstance(value, bytes | bytearray):
        raise InputError(f"partition: the value of `{column}` is {type(value).__name__}: give a text")
    if is_null(value):
        return f"{name} IS NULL"
    if isinstance(value, str) or not isinstance(value, Iterable):
        return f"{name} = {_bound(value, parameters)}"
    values = list(value)
    if not values:
        raise InputError(f"partition: the list of values of `{column}` is empty")
    markers = [_bound(each, parameters) for each in values if not is_null(each)]
    parts = [f"{name} IN ({', '.join(markers)})"] if markers else []
    if len(markers) < len(values):
        parts.append(f"{name} IS NULL")
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _bound(value: Any, parameters: dict[str, Any]) -> str:
    name = f"p{len(parameters)}"
    parameters[name] = value
    return f":{name}"
