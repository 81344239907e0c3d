"""Names of errors as Spark has them, for errors of Sail, which mostly has a text only. Pure."""

import re
from dataclasses import dataclass

_NAMED = re.compile(r"\[(?P<condition>[A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)?)\]")
_STATE = re.compile(r"SQLSTATE: (?P<state>[0-9A-Z]{5})")

_STATES = {
    "ARITHMETIC_OVERFLOW": "22003",
    "CAST_INVALID_INPUT": "22018",
    "CAST_OVERFLOW": "22003",
    "CATALOG_NOT_FOUND": "42P08",
    "DIVIDE_BY_ZERO": "22012",
    "INVALID_ARRAY_INDEX": "22003",
    "INVALID_ARRAY_INDEX_IN_ELEMENT_AT": "22003",
    "INVALID_INDEX_OF_ZERO": "22003",
    "NUMERIC_VALUE_OUT_OF_RANGE": "22003",
    "PARSE_EMPTY_STATEMENT": "42617",
    "PARSE_SYNTAX_ERROR": "42601",
    "PATH_NOT_FOUND": "42K03",
    "REMAINDER_BY_ZERO": "22012",
    "SCHEMA_ALREADY_EXISTS": "42P06",
    "SCHEMA_NOT_FOUND": "42704",
    "TABLE_OR_VIEW_ALREADY_EXISTS": "42P07",
    "TABLE_OR_VIEW_NOT_FOUND": "42P01",
    "UNBOUND_SQL_PARAMETER": "42P02",
    "UNRESOLVED_COLUMN": "42703",
    "UNRESOLVED_ROUTINE": "42883",
    "UNSUPPORTED_FEATURE": "0A000",
    "USER_RAISED_EXCEPTION": "P0001",
}
"""The SQLSTATE of each (docs: error conditions)."""

_WORDS = (
    ("CAST_OVERFLOW", r"can't cast value .* to type u?int\d+"),
    ("CAST_INVALID_INPUT", r"cannot cast (string|value)|error parsing"),
    ("NUMERIC_VALUE_OUT_OF_RANGE", r"too (large|small) to store in a decimal"),
    ("ARITHMETIC_OVERFLOW", r"arithmetic overflow|overflow happened"),
    ("REMAINDER_BY_ZERO", r"remainder by zero"),
    ("DIVIDE_BY_ZERO", r"divide by zero"),
    ("USER_RAISED_EXCEPTION", r"is not true!$"),
    ("INVALID_ARRAY_INDEX_IN_ELEMENT_AT", r"element_at: the index is out of bounds"),
    ("INVALID_INDEX_OF_ZERO", r"element_at: the index 0 is invalid"),
    ("CATALOG_NOT_FOUND", r"catalog not found"),
    ("SCHEMA_NOT_FOUND", r"(database|schema) not found"),
    ("SCHEMA_ALREADY_EXISTS", r"(database|schema) already exists"),
    ("TABLE_OR_VIEW_ALREADY_EXISTS", r"(table|view) already exists"),
    ("TABLE_OR_VIEW_NOT_FOUND", r"(table|view)( or view)? not found"),
    ("UNRESOLVED_COLUMN", r"missing from the schema|cannot resolve (attribute|column)"),
    ("UNRESOLVED_ROUTINE", r"unknown (\w+ )?function"),
    ("UNBOUND_SQL_PARAMETER", r"placeholder"),
    (
        "PARSE_SYNTAX_ERROR",
        r"expected one statement|found .* at \d+:\d+ expected|invalid argument: .*expected",
    ),
    ("UNSUPPORTED_FEATURE", r"not supported|unsupported|not implemented"),
)
_PATTERNS = tuple((condition, re.compile(words, re.IGNORECASE | re.DOTALL)) for condition, words in _WORDS)


@dataclass(frozen=True)
class Condition:
    """An error of a statement.

    Attributes:
        message: What is said: its name in brackets, the words, the SQLSTATE.
        sql_state: The SQLSTATE; empty if it is not known.
    """

    message: str
    sql_state: str


def condition_of(text: str, sql_state: str = "") -> Condition:
    """The condition of an error.

    Args:
        text: What the engine says.
        sql_state: The SQLSTATE if the engine has it.

    Example:
        >>> condition_of("divide by zero")
        Condition(message='[DIVIDE_BY_ZERO] divide by zero SQLSTATE: 22012', sql_state='22012')
    """
    named = _NAMED.search(text)
    said = _STATE.search(text)
    if named is not None:
        condition, text = named["condition"], text[named.start() :]
    else:
        condition = next((name for name, words in _PATTERNS if words.search(text)), "")
        text = f"[{condition}] {text}" if condition else text
    state = sql_state or (said["state"] if said else _STATES.get(condition.split(".")[0], ""))
    return Condition(text if said or not state else f"{text} SQLSTATE: {state}", state)
