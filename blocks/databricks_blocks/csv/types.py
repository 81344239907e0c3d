"""Infer the type of a column from its fields, so that no value changes by being read as that type."""

from __future__ import annotations

import re
from collections.abc import Iterable

from databricks_blocks.csv.forms import INFERRED_FORMS, between_blanks
from databricks_blocks.database.tables import Kind

_PATTERNS = {kind: re.compile(between_blanks(form)) for kind, form in INFERRED_FORMS.items()}
_SINGLE: tuple[Kind, ...] = ("bigint", "decimal", "boolean", "date", "timestamp", "timestamptz")
_WIDER: dict[frozenset[Kind], Kind] = {
    frozenset({"bigint", "decimal"}): "decimal",
    frozenset({"bigint", "double"}): "decimal",
    frozenset({"decimal", "double"}): "decimal",
    frozenset({"date", "timestamp"}): "timestamp",
}


def kind_of(fields: Iterable[str]) -> Kind | None:
    """Find the narrowest type that all fields fit; `None` if all are empty.

    Numbers are of type `double` if one of them has an exponent and a double keeps all of them exactly.
    """
    present = [field.encode("utf-8", "surrogateescape") for field in fields if field]
    if any(b"e" in field or b"E" in field for field in present) and _all_fit("double", present):
        return "double"
    kind: Kind | None = None
    for field in present:
        found = _kind_of_one(field)
        kind = found if kind is None else join(kind, found)
    return kind


def join(one: Kind, other: Kind) -> Kind:
    """Find the narrowest type that the values of both types fit."""
    return one if one == other else _WIDER.get(frozenset({one, other}), "text")


def widened(kind: Kind | None, field: str) -> Kind | None:
    """Find the type of a column after one more field."""
    if not field or (kind in _PATTERNS and _all_fit(kind, [field.encode("utf-8", "surrogateescape")])):
        return kind
    found = kind_of([field])
    return found if kind is None or found is None else join(kind, found)


def _kind_of_one(field: bytes) -> Kind:
    return next((kind for kind in _SINGLE if _all_fit(kind, [field])), "text")


def _all_fit(kind: Kind, fields: Iterable[bytes]) -> bool:
    return all(_PATTERNS[kind].fullmatch(field) for field in fields)
