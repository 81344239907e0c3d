"""Intervals as text, and in a form that pyarrow reads. Pure."""

from typing import Any

from databricks_local.runtime.warehouse.schemas import under_schema

_MICROS, _MILLION = 1_000, 1_000_000


def is_months(kind: Any) -> bool:
    """Whether a type is a year-month interval, of which pyarrow has no arrays."""
    return str(kind) == "month_interval"


def day_time_text(micros: int) -> str:
    """A day-time interval.

    Example:
        >>> day_time_text(93_784_000_000), day_time_text(-1)
        ('1 02:03:04.000000000', '-0 00:00:00.000001000')
    """
    seconds, rest = divmod(abs(micros), _MILLION)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    sign = "-" if micros < 0 else ""
    return f"{sign}{days} {hours:02}:{minutes:02}:{seconds:02}.{rest * _MICROS:09}"


def year_month_text(months: int) -> str:
    """A year-month interval.

    Example:
        >>> year_month_text(14), year_month_text(-1)
        ('1-2', '-0-1')
    """
    years, rest = divmod(abs(months), 12)
    return f"{'-' if months < 0 else ''}{years}-{rest}"


def calendar_text(value: Any) -> str:
    """An interval of months, days and a time, as Spark writes what `make_interval` gives.

    Example:
        >>> calendar_text((14, 3, -1_500_000_000)), calendar_text((0, 0, 0))
        ('1 years 2 months 3 days -1.5 seconds', '0 seconds')
    """
    months, days, nanos = value
    sign = -1 if nanos < 0 else 1
    seconds, rest = divmod(abs(nanos) // _MICROS, _MILLION)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    month_sign = -1 if months < 0 else 1
    years, months = divmod(abs(months), 12)
    fraction = f".{rest:06}".rstrip("0").rstrip(".")
    parts = [
        f"{count} {unit}"
        for count, unit in (
            (month_sign * years, "years"),
            (month_sign * months, "months"),
            (days, "days"),
            (sign * hours, "hours"),
            (sign * minutes, "minutes"),
        )
        if count
    ]
    if seconds or rest:
        parts.append(f"{'-' if sign < 0 else ''}{seconds}{fraction} seconds")
    return " ".join(parts) or "0 seconds"


def months_as_numbers(table: Any) -> Any:
    """A table whose year-month intervals, nested ones, too, are the numbers that they are in memory."""
    import pyarrow as pa

    schema = pa.schema([_field(column) for column in table.schema], table.schema.metadata)
    return table if schema.equals(table.schema) else under_schema(table, schema)


def holds_months(field: Any) -> bool:
    """Whether a column has year-month intervals, itself or in what is nested."""
    return not _field(field).type.equals(field.type)


def _field(field: Any) -> Any:
    return field.with_type(_readable(field.type))


def _readable(kind: Any) -> Any:
    import pyarrow as pa

    if is_months(kind):
        return pa.int32()
    if pa.types.is_map(kind):
        return pa.map_(_field(kind.key_field), _field(kind.item_field))
    if pa.types.is_list(kind):
        return pa.list_(_field(kind.value_field))
    if pa.types.is_struct(kind):
        return pa.struct([_field(kind.field(index)) for index in range(kind.num_fields)])
    return kind
