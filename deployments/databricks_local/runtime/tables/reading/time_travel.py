"""What is said about the version of a table after its name. Pure."""

import re

from databricks_local.runtime.source import opaque_end
from databricks_local.runtime.tables.reading.tokens import SIGN, Token

_AT_VERSION = re.compile(r"@v(\d+)\b|@(\d{17})\b")
_TIME_WORDS = ("VERSION", "SYSTEM_VERSION", "TIMESTAMP", "SYSTEM_TIME")


def with_plain_versions(text: str) -> str:
    """A statement in which `t@v1` is `t VERSION AS OF 1`.

    Example:
        >>> with_plain_versions("SELECT '@v1' FROM t@v1")
        "SELECT '@v1' FROM t VERSION AS OF 1"
    """
    if "@" not in text:
        return text
    parts, position, begin = [], 0, 0
    while position < len(text):
        end = opaque_end(text, position)
        found = _AT_VERSION.match(text, position) if end == position else None
        if found is not None and found[1]:
            parts.append(f"{text[begin:position]} VERSION AS OF {found[1]}")
            position = begin = found.end()
        elif found is not None:
            moment = found[2]
            day = f"{moment[:4]}-{moment[4:6]}-{moment[6:8]}"
            time = f"{moment[8:10]}:{moment[10:12]}:{moment[12:14]}.{moment[14:]}"
            parts.append(f"{text[begin:position]} TIMESTAMP AS OF '{day} {time}'")
            position = begin = found.end()
        else:
            position = max(end, position + 1)
    return "".join([*parts, text[begin:]])


def time_travel(tokens: list[Token], text: str) -> tuple[str, str, int]:
    """What follows a table about its version: VERSION or TIMESTAMP, the expression, how many tokens."""
    first = 1 if tokens and tokens[0].is_word("FOR") else 0
    words = tokens[first : first + 3]
    if len(words) < 3 or not words[0].is_word(*_TIME_WORDS) or not words[1].is_word("AS"):  # noqa: PLR2004
        return "", "", 0
    begin = end = first + 3
    while end < len(tokens):
        end = _operand(tokens, end)
        if end >= len(tokens) or not (tokens[end].kind == SIGN and tokens[end].text in ("-", "+", "||")):
            break
        end += 1
    kind = "VERSION" if words[0].is_word("VERSION", "SYSTEM_VERSION") else "TIMESTAMP"
    return kind, text[tokens[begin].start : tokens[end - 1].end], end


def _operand(tokens: list[Token], index: int) -> int:
    """The index after a literal, a call, or an interval."""
    if tokens[index].kind == SIGN and tokens[index].text in ("-", "+"):
        index = min(index + 1, len(tokens) - 1)
    if tokens[index].is_word("INTERVAL"):
        return min(index + 3, len(tokens))
    if tokens[index].is_word("TIMESTAMP", "DATE") and tokens[index + 1 : index + 2]:
        index += tokens[index + 1].kind != SIGN
    if tokens[index].kind == SIGN and tokens[index].text == ":":
        index += 1
    if not (tokens[index].kind == SIGN and tokens[index].text == "("):
        index += 1
    return _closed(tokens, index)


def _closed(tokens: list[Token], index: int) -> int:
    """The index after parentheses that begin here, if they do."""
    depth = 0
    while (
        index < len(tokens) and (depth or tokens[index].text == "(") and (depth or tokens[index].kind == SIGN)
    ):
        if tokens[index].kind == SIGN:
            depth += (tokens[index].text == "(") - (tokens[index].text == ")")
        index += 1
        if depth == 0:
            break
    return index


def sample(tokens: list[Token]) -> int:
    """How many tokens say which part of a table is taken."""
    if not tokens or not tokens[0].is_word("TABLESAMPLE"):
        return 0
    index = _closed(tokens, 1)
    if index < len(tokens) and tokens[index].is_word("REPEATABLE"):
        index = _closed(tokens, index + 1)
    return index
