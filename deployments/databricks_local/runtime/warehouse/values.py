"""Values as text, as the formats JSON_ARRAY and CSV have them. Pure."""

import csv
import io
import json
import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

Rows = list[list[str | None]]

_MILLI = 1_000
_SMALL, _LARGE = 1e-3, 1e7
"""Java, and so Spark, writes what is not between them with an exponent."""


def rows_of(table: Any) -> Rows:
    """The rows of an Arrow table, each value as text or None.

    Example:
        >>> import pyarrow as pa
        >>> rows_of(pa.table({"id": [1, None], "on": [True, False]}))
        [['1', 'true'], [None, 'false']]
    """
    columns = [_texts(column) for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _texts(column: Any) -> list[str | None]:
    """The values of a column as text; Arrow writes most of them as Spark does, and quickly."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_date(kind):
        column = column.cast(pa.string())
    elif not pa.types.is_string(kind):
        return [text_of(value) for value in column.to_pylist()]
    texts: list[str | None] = column.to_pylist()
    return texts


def text_of(value: Any) -> str | None:
    """A value as text.

    Example:
        >>> text_of(1.0), text_of(b"a"), text_of([1, None]), text_of(Decimal("1.50"))
        ('1.0', '61', '[1,null]', '1.50')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | dict | tuple):
        return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))
    return _scalar(value)


def _scalar(value: Any) -> str:
    for kind, text in _TEXTS:
        if isinstance(value, kind):
            return text(value)
    return str(value)


def java_double(value: float) -> str:
    """A floating-point number as Spark writes it.

    Example:
        >>> java_double(0.1), java_double(1e10), java_double(float("inf"))
        ('0.1', '1.0E10', 'Infinity')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or _SMALL <= abs(value) < _LARGE:
        return repr(value)
    digits, _, exponent = f"{Decimal(repr(value)).normalize():E}".partition("E")
    return f"{digits if '.' in digits else f'{digits}.0'}E{int(exponent)}"


def day_time_text(value: timedelta) -> str:
    """A day-time interval, as `1 02:03:04.000000000`."""
    sign = "-" if value < timedelta(0) else ""
    whole = abs(value)
    hours, rest = divmod(whole.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{sign}{whole.days} {hours:02}:{minutes:02}:{seconds:02}.{whole.microseconds * 1000:09}"


def year_month_text(months: int) -> str:
    """A year-month interval, as `1-2`."""
    years, rest = divmod(abs(months), 12)
    return f"{'-' if months < 0 else ''}{years}-{rest}"


def _moment(value: datetime) -> str:
    """A moment, as `2024-01-31T12:00:00.000Z`; without Z if it has no time zone."""
    digits = f"{value.microsecond:06}"
    fraction = digits if value.microsecond % _MILLI else digits[:3]
    return f"{value:%Y-%m-%dT%H:%M:%S}.{fraction}{'' if value.tzinfo is None else 'Z'}"


_TEXTS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    (float, java_double),
    (datetime, _moment),
    (date, date.isoformat),
    # Source: databricks-sql-connector reads binary values so.
    (bytes, bytes.hex),
    (Decimal, lambda value: f"{value:f}"),
)
"""How values are written, by their types; a moment is a date, too."""


def _plain(value: Any) -> Any:
    """A nested value that JSON can hold: Arrow gives maps as lists of pairs."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(item, tuple) for item in value):
            return {str(text_of(key)): _plain(item) for key, item in value}
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else java_double(value)
    return float(value) if isinstance(value, Decimal) else _scalar(value)


def json_of(rows: Rows) -> bytes:
    """Rows as compact JSON."""
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def csv_of(rows: Rows, header: list[str] | None) -> bytes:
    r"""Rows as CSV (RFC 4180); a null is the word null (docs: format).

    Example:
        >>> csv_of([["a,b", None]], ["x", "y"])
        b'x,y\r\n"a,b",null\r\n'
    """
    text = io.StringIO()
    writer = csv.writer(text)
    if header is not None:
        writer.writerow(header)
    writer.writerows([["null" if value is None else value for value in row] for row in rows])
    return text.getvalue().encode("utf-8", "replace")
