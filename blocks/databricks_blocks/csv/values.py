"""What counts as a number in a CSV file: less than Python and PostgreSQL take for one."""

from __future__ import annotations

import math
import re
from decimal import Decimal

# Neither Python's nor PostgreSQL's wider idea of a number: both take 1_000, PostgreSQL 16 takes 0x10 as well.
_INTEGER = re.compile(r"[ \t]*[+-]?0*[0-9]{1,10}[ \t]*")
_DECIMAL = re.compile(r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")

FORMS: dict[str, bytes] = {
    "integer": rb"[+-]?+[0-9]++",
    "decimal": rb"[+-]?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+",
}
"""What a field of these types looks like in bytes, whatever its size."""


def is_integer(text: str) -> bool:
    """Whether a field is a whole number of 32 bits."""
    return _INTEGER.fullmatch(text) is not None and -(2**31) <= int(text) < 2**31


def is_finite(text: str) -> bool:
    """Whether a field is a number that a double can hold."""
    return _DECIMAL.fullmatch(text) is not None and math.isfinite(float(text))


def plain_decimal(text: str) -> str:
    """A finite number with all of its digits, without a plus sign and blanks."""
    return str(Decimal(text.strip()))
