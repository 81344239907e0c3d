"""Values for the markers of a statement, such as `:day`, with their SQL types. Pure."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_INTS = (("INT", 2**31), ("BIGINT", 2**63), ("DECIMAL(38,0)", 10**38))
_MOST_DIGITS = 38


class InvalidStatement(ValueError):
    """Raised when a statement cannot be sent as it is given; nothing was sent.

    Examples:
        ```python
        from databricks_blocks import InvalidStatement, SqlWarehouse

        try:
            SqlWarehouse.load("BLOCK_NAME").execute("SELECT :days", {"days": [1, 2]})
        except InvalidStatement as error:
            print(error)
        ```
    """


def bound_parameters(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write values as the API takes them: a text and a SQL type each.

    Args:
        values: The values by the names of their markers, without the colon.

    Raises:
        InvalidStatement: A name cannot be one of a marker, or a value has no SQL type.

    Examples:
        >>> bound_parameters({"day": date(2024, 6, 21), "n": 5})
        [{'name': 'day', 'value': '2024-06-21', 'type': 'DATE'}, {'name': 'n', 'value': '5', 'type': 'INT'}]
    """
    for name in values:
        if not _NAME.fullmatch(name):
            raise InvalidStatement(
                f"`{name}` cannot be the name of a parameter: give a name of letters, digits and _, "
                "without the colon."
            )
    return [{"name": name, **_written(name, value)} for name, value in values.items()]


def _written(name: str, value: Any) -> dict[str, Any]:
    plain = _of_python(value.value if isinstance(value, Enum) else value)
    if is_null(plain):
        return {"value": None, "type": "VOID"}
    written = _typed(plain)
    if written is None:
        raise InvalidStatement(
            f"the parameter `{name}` is a {type(value).__name__}, which has no SQL type: give a text, "
            "number, boolean, date, time stamp, interval or None. A list can be given as JSON to "
            f"from_json(:{name}, 'array<string>'), bytes as hexadecimal digits to unhex(:{name})."
        )
    return {"value": written[1], "type": written[0]}


def is_null(value: Any) -> bool:
    """Whether a value stands for none, as `None` and the `NA` and `NaT` of pandas do."""
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _of_python(value: Any) -> Any:
    """The value that a single one of numpy stands for; any other as it is."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.generic):
        return value
    if isinstance(value, numpy.datetime64 | numpy.timedelta64) and isinstance(value.item(), int):
        # Nanoseconds, of which numpy makes a number.
        import pandas

        return (pandas.Timestamp if isinstance(value, numpy.datetime64) else pandas.Timedelta)(value)
    return value.item()


def _typed(value: Any) -> tuple[str, str] | None:
    """The SQL type of a value, and its text."""
    typed: tuple[str, str] | None = None
    match value:
        case bool():
            typed = "BOOLEAN", str(value).lower()
        case int():
            typed = next(((kind, str(value)) for kind, end in _INTS if -end <= value < end), None)
        case float():
            typed = "DOUBLE", repr(value) if math.isfinite(value) else _not_finite(value)
        case Decimal():
            typed = _decimal(value)
        case str():
            typed = "STRING", value
        case UUID():
            typed = "STRING", str(value)
        case datetime():
            typed = ("TIMESTAMP" if value.tzinfo else "TIMESTAMP_NTZ"), value.isoformat(" ")
        case date():
            typed = "DATE", value.isoformat()
        case timedelta():
            typed = "INTERVAL DAY TO SECOND", _interval(value)
    return typed


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _decimal(value: Decimal) -> tuple[str, str] | None:
    if not value.is_finite():
        return "DOUBLE", _not_finite(float(value))
    _, digits, exponent = value.as_tuple()
    scale = max(0, -int(exponent))
    precision = max(len(digits) + max(0, int(exponent)), scale, 1)
    return (f"DECIMAL({precision},{scale})", f"{value:f}") if precision <= _MOST_DIGITS else None


def _interval(value: timedelta) -> str:
    sign, length = ("-", -value) if value < timedelta() else ("", value)
    hours, rest = divmod(length.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{sign}{length.days} {hours:02}:{minutes:02}:{seconds:02}.{length.microseconds:06}"
    return f"INTERVAL '{text}' DAY TO SECOND"
