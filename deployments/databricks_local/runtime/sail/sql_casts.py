"""Casts in SQL, as Apache Spark does them without ANSI mode: what does not fit is null. Pure."""

import re
from collections.abc import Sequence

from databricks_local.runtime.sail.texts import FRACTION, NUMBER, TRIED, TYPE_NAMES, WHOLE

MAX_CHARACTERS = 100_000
"""Of the new text: casts inside of casts make it long."""

_TOKEN = re.compile(
    r"""(?sx)
      --[^\n]* | /\*.*?\*/
    | [rR]'[^']*' | [rR]"[^"]*" | '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | `[^`]*`
    | \w+ | \s+ | .
    """
)
_QUERIES = frozenset({"select", "with", "from", "values", "("})


def with_tried_casts(query: str) -> str:
    """A query whose casts of texts give null for what does not fit. Other statements stay as they are.

    Only texts are cast in another way: which types there are is not known, so the query asks `typeof`.

    Example:
        >>> print(with_tried_casts("select cast(flag as boolean)"))
        select CASE WHEN typeof(flag) = 'string' THEN try_cast(flag AS boolean) ELSE cast(flag AS boolean) END
    """
    tokens = _TOKEN.findall(query)
    words = [token.lower() for token in tokens if not token.isspace() and not token.startswith(("--", "/*"))]
    if not words or words[0] not in _QUERIES or "insert" in words:
        return query
    return tried_in_expression(query)


def tried_in_expression(text: str) -> str:
    """The same of an expression, such as that of `selectExpr`.

    Example:
        >>> tried_in_expression("'cast(x as double)'")
        "'cast(x as double)'"
    """
    tried = _rewritten(_TOKEN.findall(text))
    return tried if len(tried) <= MAX_CHARACTERS else text


def _rewritten(tokens: Sequence[str]) -> str:
    written: list[str] = []
    at = 0
    while at < len(tokens):
        opening = _after_spaces(tokens, at + 1)
        closing = _closing(tokens, opening) if tokens[at].lower() == "cast" else 0
        if closing:
            written.append(_cast(tokens[opening + 1 : closing]))
            at = closing + 1
        else:
            written.append(tokens[at])
            at += 1
    return "".join(written)


def _cast(inside: Sequence[str]) -> str:
    depths = _depths(inside)
    separators = [at for at, token in enumerate(inside) if token.lower() == "as" and not depths[at]]
    if not separators:
        return f"cast({_rewritten(inside)})"
    operand = _rewritten(inside[: separators[-1]]).strip()
    name = "".join(inside[separators[-1] + 1 :]).strip()
    plain = f"cast({operand} AS {name})"
    kind = TYPE_NAMES.get(name.lower(), "")
    if kind not in TRIED:
        return plain
    text = operand
    if kind in ("double", "float"):
        text = _replaced(f"string({operand})", NUMBER, "$1")
    elif kind != "boolean":
        text = _replaced(_replaced(f"string({operand})", WHOLE, "$1"), FRACTION, "0")
    return f"CASE WHEN typeof({operand}) = 'string' THEN try_cast({text} AS {name}) ELSE {plain} END"


def _replaced(text: str, pattern: str, by: str) -> str:
    return f"regexp_replace({text}, r'{pattern}', '{by}')"


def _after_spaces(tokens: Sequence[str], at: int) -> int:
    while at < len(tokens) and tokens[at].isspace():
        at += 1
    return at


def _closing(tokens: Sequence[str], opening: int) -> int:
    """Where the parenthesis at a place ends; 0 if there is none."""
    if opening >= len(tokens) or tokens[opening] != "(":
        return 0
    depth = 0
    for at in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[at], 0)
        if not depth:
            return at
    return 0


def _depths(tokens: Sequence[str]) -> list[int]:
    depth, depths = 0, []
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token, 0)
        depths.append(depth)
    return depths
