"""Reads values from request bodies and queries; a value of the wrong type is refused. Pure.

The API takes numbers as text and text as numbers (source: Airflow's Databricks hook), and null for "not
given" (prefect-databricks sends every unset field as null).
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from databricks_local.api.errors import invalid_json, invalid_parameter, malformed_request

Json = dict[str, Any]

MAX_DEPTH = 100
MAX_INTEGER = 2**63 - 1
_INTEGER = re.compile(r"-?[0-9]{1,19}")


def parse_body(content: bytes) -> Json:
    """Parse a request body: a JSON object, or nothing at all. Fields that are null are left out.

    Raises:
        ApiError: If it is anything else, or holds a value that could not be written as JSON again.
    """
    if not content.strip():
        return {}
    try:
        body = _without_nulls(json.loads(content), 0)
        # Python reads lone surrogates and infinite numbers, but they are not valid JSON.
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise invalid_json() from error
    if not isinstance(body, dict):
        raise malformed_request("Could not parse request object: Expected 'START_OBJECT'")
    return body


def _without_nulls(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        return {key: _without_nulls(item, depth + 1) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item, depth + 1) for item in value]
    return value


def read_string(body: Mapping[str, Any], name: str, default: str = "") -> str:
    """A text field."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise malformed_request(
            f"Could not parse request object: Expected Scalar value for String field '{name}'"
        )
    return json.dumps(value)


def read_required_string(body: Mapping[str, Any], name: str) -> str:
    """A text field that has to be there and not empty."""
    value = read_string(body, name)
    if not value:
        raise invalid_parameter(f"Missing required field: {name}")
    return value


def read_integer(body: Mapping[str, Any], name: str, default: int = 0) -> int:
    """A whole number that fits into 64 bits."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_INTEGER:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_INTEGER:
        raise malformed_request(f"Could not parse request object: Expected an integer for field '{name}'")
    return value


def read_required_integer(body: Mapping[str, Any], name: str) -> int:
    """A whole number that has to be there."""
    if body.get(name) in (None, ""):
        raise invalid_parameter(f"Missing required field: {name}")
    return read_integer(body, name)


def read_boolean(body: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """A truth value; `true` and `false` as text, as in queries and forms, too."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise malformed_request(f"Could not parse request object: Expected a boolean for field '{name}'")
    return value


def read_object(body: Mapping[str, Any], name: str) -> Json | None:
    """A nested object."""
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise malformed_request(f"Could not parse request object: Expected 'START_OBJECT' for field '{name}'")
    return value


def read_objects(body: Mapping[str, Any], name: str) -> list[Json]:
    """A list of objects."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise malformed_request(
            f"Could not parse request object: Expected a list of objects for field '{name}'"
        )
    return value


def read_strings(body: Mapping[str, Any], name: str) -> dict[str, str]:
    """An object whose values are text; entries that are null are left out."""
    values = read_object(body, name) or {}
    return {key: read_string(values, key) for key, value in values.items() if value is not None}


def read_string_list(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts."""
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise malformed_request(
            f"Could not parse request object: Expected a list of strings for field '{name}'"
        )
    return tuple(read_string({name: item}, name) for item in value)


def read_choice(body: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    """A text field with a fixed set of values."""
    value = read_string(body, name) or default
    if value not in choices:
        raise invalid_parameter(f"{name} must be one of: {', '.join(choices)}")
    return value
