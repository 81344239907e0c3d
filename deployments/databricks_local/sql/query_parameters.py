"""The parameters of saved queries: how they are read, and what they are in SQL. Pure."""

from databricks_local.api.bodies import Json, read_object, read_required_string, read_string, read_string_list
from databricks_local.api.errors import invalid_parameter, malformed_request, not_served

KINDS = ("text_value", "numeric_value", "date_value", "enum_value", "query_backed_value")


def read_parameter(given: Json) -> Json:
    """Read a parameter of a query (docs: Queries API).

    Raises:
        ApiError: If its value is not of its kind, or is one that is not served.
    """
    name, title = read_required_string(given, "name"), read_string(given, "title")
    shown: Json = {"name": name, "title": title} if title else {"name": name}
    if read_object(given, "date_range_value") is not None:
        raise not_served("a query parameter with date_range_value")
    kinds = [kind for kind in KINDS if read_object(given, kind) is not None]
    if len(kinds) > 1:
        raise invalid_parameter(f"The parameter {name[:100]} has more than one value: {', '.join(kinds)}.")
    for kind in kinds:
        _check(kind, given[kind])
        shown[kind] = given[kind]
    return shown


def _check(kind: str, value: Json) -> None:
    if kind == "text_value":
        read_string(value, "value")
    elif kind == "numeric_value":
        number = value.get("value")
        if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
            raise malformed_request("Could not parse request object: Expected a number for field 'value'")
    elif kind == "date_value":
        if read_string(value, "dynamic_date_value"):
            raise not_served("date_value.dynamic_date_value")
        read_string(value, "date_value")
        read_string(value, "precision")
    else:
        read_string_list(value, "values")
        options = read_object(value, "multi_values_options") or {}
        for name in ("prefix", "separator", "suffix"):
            read_string(options, name)


def defaults_of(query: Json) -> dict[str, str]:
    """The values of a query's parameters, by name.

    Example:
        >>> defaults_of({"parameters": [{"name": "day", "text_value": {"value": "Monday"}}]})
        {'day': 'Monday'}
    """
    values = {parameter["name"]: _value_of(parameter) for parameter in query.get("parameters", [])}
    return {name: value for name, value in values.items() if value is not None}


def types_of(query: Json) -> dict[str, str]:
    """The SQL types of a query's parameters, by name; text has none.

    Example:
        >>> types_of({"parameters": [{"name": "n", "numeric_value": {"value": 1.5}}]})
        {'n': 'DOUBLE'}
    """
    types = {parameter["name"]: _type_of(parameter) for parameter in query.get("parameters", [])}
    return {name: kind for name, kind in types.items() if kind}


def _type_of(parameter: Json) -> str:
    if "numeric_value" in parameter:
        number = parameter["numeric_value"].get("value", 0)
        # A whole number is one also where SQL wants it, as after LIMIT.
        return "BIGINT" if float(number).is_integer() and abs(number) < 2**63 else "DOUBLE"
    if "date_value" in parameter:
        precise = parameter["date_value"].get("precision", "DAY_PRECISION") != "DAY_PRECISION"
        return "TIMESTAMP" if precise else "DATE"
    return ""


def _value_of(parameter: Json) -> str | None:
    if "numeric_value" in parameter:
        number = parameter["numeric_value"].get("value")
        if number is None:
            return None
        return str(int(number)) if _type_of(parameter) == "BIGINT" else str(number)
    if "date_value" in parameter:
        day = parameter["date_value"].get("date_value")
        return None if day is None else str(day)
    for kind in ("enum_value", "query_backed_value"):
        if kind in parameter:
            return _selected(parameter[kind])
    text = parameter.get("text_value", {}).get("value")
    return None if text is None else str(text)


def _selected(given: Json) -> str | None:
    """The chosen values of a list; several ones are joined as the query wants it."""
    values = [str(value) for value in given.get("values", [])]
    options = given.get("multi_values_options")
    if not values or options is None:
        return values[0] if values else None
    prefix, suffix = str(options.get("prefix", "")), str(options.get("suffix", ""))
    return str(options.get("separator", ",")).join(f"{prefix}{value}{suffix}" for value in values)
