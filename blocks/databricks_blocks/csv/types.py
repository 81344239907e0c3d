"""Infer the type of a column from its fields, so that no value changes by being read as that type."""

from __future__ import annotations

import re
from collections.abc import Iterable

from databricks_blocks.csv.forms import between_blanks, inferred_forms
from databricks_blocks.database.tables import Kind

_PATTERNS = {
    decimal: {kind: re.compile(between_blanks(form)) for kind, form in inferred_forms(decimal).items()}
    for decimal in (".", ",")
}
_SINGLE: tuple[Kind, ...] = ("bigint", "decimal", "boolean", "date", "timestamp", "timestamptz")
_WIDER: dict[frozenset[Kind], Kind] = {
    frozenset({"bigint", "decimal"}): "decimal",
    frozenset({"bigint", "double"}): "decimal",
    frozenset({"decimal", "double"}): "decimal",
    frozenset({"date", "timestamp"}): "timestamp",
}


def kind_of(fields: Iterable[str], decimal: str = ".") -> Kind | None:
    """Find the narrowest type that all fields fit; `None` if all are empty.

    Numbers are of type `double` if one of them has an exponent and a double keeps all of them exactly.

    Args:
        fields: The fields.
        decimal: What separates the decimals of their numbers.
    """
    present = [field.encode("utf-8", "surrogateescape") for field in fields if field]
    if any(b"e" in field or b"E" in field for field in present) and _all_fit("double", present, decimal):
        return "double"
    kind: Kind | None = None
    for field in present:
        found = _kind_of_one(field, decimal)
        kind = found if kind is None else join(kind, found)
    return kind


def join(one: Kind, other: Kind) -> Kind:
    """Find the narrowest type that the values of both types fit."""
    return one if one == other else _WIDER.get(frozenset({one, other}), "text")


def widened(kind: Kind | None, field: str, decimal: str = ".") -> Kind | None:
    """Find the type of a column after one more field."""
    if not field:
        return kind
    encoded = field.encode("utf-8", "surrogateescape")
    if kind in _PATTERNS[decimal] and _all_fit(kind, [encoded], decimal):
        return kind
    found = kind_of([field], decimal)
    return found if kind is None or found is None else join(kind, found)


def _kind_of_one(field: bytes, decimal: str) -> Kind:
    return next((kind for kind in _SINGLE if _all_fit(kind, [field], decimal)), "text")


def _all_fit(kind: Kind, fields: Iterable[bytes], decimal: str) -> bool:
    return all(_PATTERNS[decimal][kind].fullmatch(field) for field in fields)
