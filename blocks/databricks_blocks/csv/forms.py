"""What fields of a CSV file look like, by type: the one set of rules of all readers.

There are two kinds of columns. Of a *declared* column the type is known, so `+1` and `007` are numbers. The
type of an *inferred* column follows from its fields, so that no value changes by being read: there `+1` and
`007` are texts, such as a telephone number or a code, which would lose the sign or the zeros as numbers.

Both take less for a number than Python and PostgreSQL do, which read `1_000`; PostgreSQL 16 also `0x10`.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from databricks_blocks.database.tables import Kind

_BLANKS = rb"[ \t]*+"

_DATE = (
    rb"(?!0000)(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    rb"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    rb"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
# Databases keep microseconds and would round what is finer.
_TIMESTAMP = _DATE + rb"[ T](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?+)?+"

DECLARED_FORMS: dict[str, bytes] = {
    "integer": rb"[+-]?+[0-9]++",
    "decimal": rb"[+-]?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+",
}
"""What a number in a declared column looks like, whatever its size."""


def inferred_forms(decimal: str = ".") -> dict[Kind, bytes]:
    """What a field of an inferred column looks like, by type; any field is a text.

    Args:
        decimal: What separates the decimals of a number. A number with thousands separators is a text.
    """
    mark = re.escape(decimal).encode()
    number = rb"-?+(?!0[0-9])(?:[0-9]{1,50}+(?:" + mark + rb"[0-9]{0,150}+)?+|" + mark + rb"[0-9]{1,150}+)"
    return {
        "boolean": rb"true|false|True|False|TRUE|FALSE",
        "bigint": rb"-?+(?:0|[1-9][0-9]{0,17}+)",
        # A double gives back up to fifteen digits as they were (IEEE 754); with more digits it is a decimal.
        "double": rb"(?!-?+(?:[0-9]{16}|[0-9" + mark + rb"]{17}))" + number + rb"(?:[eE][+-]?+[0-9]{1,2}+)?+",
        # Below 1e300, so that it is not infinite where it becomes a double.
        "decimal": number + rb"(?:[eE](?:\+?+(?:2[0-4][0-9]|1?[0-9]{1,2})|-[0-9]{1,3}+))?",
        "date": _DATE,
        "timestamp": _TIMESTAMP + rb"|" + _DATE,
        "timestamptz": _TIMESTAMP + rb"(?:Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?+)",
    }


INFERRED_FORMS = inferred_forms()
"""The forms of inferred columns, with decimal points."""


def between_blanks(form: bytes) -> bytes:
    """The form of a field with blanks around its value, which do not count."""
    return _BLANKS + rb"(?:" + form + rb")" + _BLANKS


_INTEGER = re.compile(between_blanks(DECLARED_FORMS["integer"]).decode())
_DECIMAL = re.compile(between_blanks(DECLARED_FORMS["decimal"]).decode())


def is_integer(text: str) -> bool:
    """Whether a field is a whole number of 32 bits."""
    # Python refuses to read thousands of digits; a double is exact far beyond 32 bits.
    return _INTEGER.fullmatch(text) is not None and -(2**31) <= float(text) < 2**31


def is_finite(text: str) -> bool:
    """Whether a field is a number that a double can hold."""
    return _DECIMAL.fullmatch(text) is not None and math.isfinite(float(text))


def plain_decimal(text: str) -> str:
    """A finite number with all of its digits, without a plus sign and blanks."""
    return str(Decimal(text.strip()))
