"""The type of a column by what its fields look like, so that no value changes by being read as that type.

A number with a plus sign or leading zeros is a text: a telephone number or a code, which would lose them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from databricks_blocks.database.tables import Kind

_DATE = (
    rb"(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    rb"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    rb"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
# Databases keep microseconds and would round what is finer.
_TIMESTAMP = _DATE + rb"[ T](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?+)?+"
_NUMBER = rb"-?+(?!0[0-9])(?:[0-9]{1,50}+(?:\.[0-9]{0,150}+)?+|\.[0-9]{1,150}+)"

FORMS: dict[Kind, bytes] = {
    "boolean": rb"true|false|True|False|TRUE|FALSE",
    "bigint": rb"-?+(?:0|[1-9][0-9]{0,17}+)",
    # Fifteen digits are what a double gives back as they were (IEEE 754); with more it is a decimal.
    "double": rb"(?!-?+(?:[0-9]{16}|[0-9.]{17}))" + _NUMBER + rb"(?:[eE][+-]?+[0-9]{1,2}+)?+",
    # Below 1e300, so that it is not infinite where it becomes a double.
    "decimal": _NUMBER + rb"(?:[eE](?:\+?+(?:2[0-4][0-9]|1?[0-9]{1,2})|-[0-9]{1,3}+))?",
    "date": _DATE,
    "timestamp": _TIMESTAMP + rb"|" + _DATE,
    "timestamptz": _TIMESTAMP + rb"(?:Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?+)",
}
"""What a field of each type looks like, but for text, which any field is."""

_BLANKS = rb"[ \t]*+"
_PATTERNS = {kind: re.compile(_BLANKS + rb"(?:" + form + rb")" + _BLANKS) for kind, form in FORMS.items()}
_SINGLE: tuple[Kind, ...] = ("bigint", "decimal", "boolean", "date", "timestamp", "timestamptz")
_WIDER: dict[frozenset[Kind], Kind] = {
    frozenset({"bigint", "decimal"}): "decimal",
    frozenset({"bigint", "double"}): "decimal",
    frozenset({"decimal", "double"}): "decimal",
    frozenset({"date", "timestamp"}): "timestamp",
}


def kind_of(fields: Iterable[str]) -> Kind | None:
    """The narrowest type that all fields fit; none if all are empty.

    Numbers are of type `double` if one of them has an exponent and all of them stay what they are.
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
    """The narrowest type that the values of both fit."""
    return one if one == other else _WIDER.get(frozenset({one, other}), "text")


def widened(kind: Kind | None, field: str) -> Kind | None:
    """The type of a column after one more field."""
    if not field or (kind in _PATTERNS and _all_fit(kind, [field.encode("utf-8", "surrogateescape")])):
        return kind
    found = kind_of([field])
    return found if kind is None or found is None else join(kind, found)


def _kind_of_one(field: bytes) -> Kind:
    return next((kind for kind in _SINGLE if _all_fit(kind, [field])), "text")


def _all_fit(kind: Kind, fields: Iterable[bytes]) -> bool:
    return all(_PATTERNS[kind].fullmatch(field) for field in fields)
