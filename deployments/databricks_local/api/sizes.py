"""How the limits in bytes are counted: in UTF-8, of JSON without spaces. Pure.

That is how the examples of the documentation are written. What Databricks counts exactly is not known.
"""

import json
from typing import Any


def json_text(value: Any) -> str:
    """A value as JSON.

    Raises:
        TypeError: If it is not one that JSON can hold.
        ValueError: If it has a number that JSON cannot hold.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def utf8_size(text: str) -> int:
    """The bytes of a text."""
    return len(text.encode("utf-8", "surrogatepass"))


def json_size(value: Any) -> int:
    """The bytes of a value as JSON."""
    return utf8_size(json_text(value))
