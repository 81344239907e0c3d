"""Values as text, as the formats JSON_ARRAY and CSV have them. Pure.

A type decides how its values are written, in columns as in what is nested: there as JSON.
"""

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from databricks_local.runtime.warehouse.failures import RefusedError
from databricks_local.runtime.warehouse.intervals import (
    calendar_text,
    day_time_text,
    is_months,
    year_month_text,
)
from databricks_local.runtime.warehouse.variants import is_variant, variant_json

Texts = list[str | None]
Rows = list[list[str | None]]

_SMALL, _LARGE = 1e-3, 1e7
"""Java, and so Spark, writes what is not between them with an exponent."""

_YEAR = re.compile(r"(-?)(\d+)-")
_MAX_YEAR_DIGITS = 4


class UnservedTypeError(RefusedError):
    """Raised for a type whose values cannot be written. Its text names the column and the type."""

    def __init__(self, field: Any) -> None:
        super().__init__(
            f"[UNSUPPORTED_FEATURE] The column {field.name} is of a type that the local workspace cannot "
            f"write into results ({field.type}): cast it to STRING."
        )


def rows_of(table: Any, schema: Any = None) -> Rows:
    """The rows of an Arrow table, each value as text or None.

    Args:
        table: The table.
        schema: What its columns are, if pyarrow has no arrays of their types.

    Example:
        >>> import pyarrow as pa
        >>> rows_of(pa.table({"id": [1, None], "on": [True, False]}))
        [['1', 'true'], [None, 'false']]
    """
    rows: Rows = []
    for batch in table.to_batches():
        columns = [
            texts_of(field, column)
            for field, column in zip(schema or table.schema, batch.columns, strict=True)
        ]
        rows += [list(row) for row in zip(*columns, strict=True)]
    return rows


def texts_of(field: Any, array: Any) -> Texts:
    """The values of an Arrow array as text.

    Args:
        field: Its type, and its name for people.
        array: The values; intervals of months are numbers.

    Raises:
        UnservedTypeError: If its type cannot be written.
    """
    if is_variant(field):
        return _each(variant_json, array)
    for fits, texts in _writers():
        if fits(field.type):
            return texts(field, array)
    raise UnservedTypeError(field)


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


def java_float(value: float) -> str:
    """A floating-point number of 32 bits as Spark writes it: with as many digits as tell it from others.

    Example:
        >>> java_float(0.10000000149011612), java_float(3.3999999521443642e38)
        ('0.1', '3.4E38')
    """
    import numpy as np

    return java_double(float(str(np.float32(value))))


_Writer = tuple[Callable[[Any], bool], Callable[[Any, Any], Texts]]


def _writers() -> list[_Writer]:
    """How values are written, by their types."""
    from pyarrow import types

    return [
        (types.is_null, lambda _, array: [None] * len(array)),
        # Before integers, which they are in memory.
        (is_months, lambda _, array: _each(year_month_text, array)),
        (types.is_boolean, _by_arrow),
        (types.is_integer, _by_arrow),
        (types.is_string, _by_arrow),
        (types.is_large_string, _by_arrow),
        (types.is_float32, lambda _, array: _each(java_float, array)),
        (types.is_float64, lambda _, array: _each(java_double, array)),
        (types.is_decimal, lambda _, array: _each(lambda value: f"{value:f}", array)),
        # Source: databricks-sql-connector reads binary values so.
        (types.is_binary, lambda _, array: _each(bytes.hex, array)),
        (types.is_large_binary, lambda _, array: _each(bytes.hex, array)),
        (types.is_date32, lambda _, array: _days(array)),
        (types.is_timestamp, lambda field, array: _moments(field.type, array)),
        (types.is_time64, lambda _, array: _each(lambda value: value.isoformat(), array)),
        (types.is_duration, lambda _, array: _durations(array)),
        (types.is_interval, lambda _, array: _each(calendar_text, array)),
        (types.is_map, _maps),
        (types.is_list, _lists),
        (types.is_large_list, _lists),
        (types.is_struct, _structs),
    ]


def _by_arrow(_: Any, array: Any) -> Texts:
    """Arrow writes most types as Spark does, and quickly."""
    import pyarrow as pa

    texts: Texts = array.cast(pa.string()).to_pylist()
    return texts


def _each(text: Callable[[Any], str], array: Any) -> Texts:
    return [None if value is None else text(value) for value in array.to_pylist()]


def _days(array: Any) -> Texts:
    import pyarrow as pa

    return _calendar(array.cast(pa.int32()), "D")


def _moments(kind: Any, array: Any) -> Texts:
    """Moments, as `2024-01-31T12:00:00.000Z` in UTC; without Z if they have no time zone.

    Arrow keeps what has a time zone in UTC.
    """
    import pyarrow as pa

    zone = "" if kind.tz is None else "Z"
    digits = _calendar(array.cast(pa.timestamp("us", kind.tz)).cast(pa.int64()), "us")
    return [
        None if text is None else f"{text[:-3] if text.endswith('000') else text}{zone}" for text in digits
    ]


def _calendar(numbers: Any, unit: str) -> Texts:
    """Numbers of days or microseconds since 1970 in ISO 8601, of any year."""
    import numpy as np

    # Python's dates end with the year 9999; numpy has the others, too.
    values = np.asarray(numbers.fill_null(0)).astype(f"datetime64[{unit}]")
    texts = np.datetime_as_string(values).tolist()
    return [
        _YEAR.sub(_with_four_digits, text, count=1) if known else None
        for text, known in zip(texts, numbers.is_valid().to_pylist(), strict=True)
    ]


def _with_four_digits(year: re.Match[str]) -> str:
    sign, digits = year[1], year[2]
    if not sign and len(digits) > _MAX_YEAR_DIGITS:
        sign = "+"
    return f"{sign}{int(digits):04}-"


def _durations(array: Any) -> Texts:
    import pyarrow as pa

    return _each(day_time_text, array.cast(pa.duration("us")).cast(pa.int64()))


def _fragments(field: Any, array: Any) -> list[str]:
    """The values of an array as JSON. Numbers keep their digits."""
    from pyarrow import types

    texts = texts_of(field, array)
    kind = field.type
    if types.is_floating(kind):
        # JSON has no word for them.
        quoted = {"NaN", "Infinity", "-Infinity"}
        return ["null" if text is None else f'"{text}"' if text in quoted else text for text in texts]
    is_json = not is_months(kind) and (
        types.is_nested(kind) or types.is_integer(kind) or types.is_boolean(kind) or types.is_decimal(kind)
    )
    return ["null" if text is None else text if is_json else _json(text) for text in texts]


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _lists(field: Any, array: Any) -> Texts:
    def between(first: int, count: int) -> list[str]:
        return _fragments(field.type.value_field, array.values.slice(first, count))

    return _collections(array, between, "[", "]")


def _maps(field: Any, array: Any) -> Texts:
    def between(first: int, count: int) -> list[str]:
        keys = texts_of(field.type.key_field, array.keys.slice(first, count))
        values = _fragments(field.type.item_field, array.items.slice(first, count))
        return [f"{_json(str(key))}:{value}" for key, value in zip(keys, values, strict=True)]

    return _collections(array, between, "{", "}")


def _collections(array: Any, between: Callable[[int, int], list[str]], start: str, end: str) -> Texts:
    """Arrays or maps, of which Arrow has all elements in one array, and where each begins."""
    offsets = array.offsets.to_pylist()
    first = offsets[0]
    elements = between(first, offsets[-1] - first)
    return [
        f"{start}{','.join(elements[begin - first : stop - first])}{end}" if known else None
        for begin, stop, known in zip(offsets, offsets[1:], array.is_valid().to_pylist(), strict=False)
    ]


def _structs(field: Any, array: Any) -> Texts:
    fields = [field.type.field(index) for index in range(field.type.num_fields)]
    columns = [
        [f"{_json(each.name)}:{value}" for value in _fragments(each, column)]
        for each, column in zip(fields, array.flatten(), strict=True)
    ]
    rows = zip(*columns, strict=True) if columns else [()] * len(array)
    return [
        f"{{{','.join(row)}}}" if known else None
        for row, known in zip(rows, array.is_valid().to_pylist(), strict=True)
    ]
