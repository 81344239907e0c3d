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
    | \w+ | \s+ | :: | .
    """
)
_PRIMARY = re.compile(r"(?s)\w+|`.*`|[rR]?'.*'|[rR]?\".*\"|\(CASE .* END\)")
_BEFORE_PARENTHESES = frozenset(
    {"and", "by", "else", "in", "not", "on", "or", "select", "then", "when", "where"}
)
_QUERIES = frozenset({"select", "with", "from", "values", "("})


def with_tried_casts(query: str) -> str:
    """A query whose casts of texts give null for what does not fit. Other statements stay as they are.

    Only texts are cast in another way: which types there are is not known, so the query asks `typeof`.

    Example:
        >>> print(with_tried_casts("select cast(x as boolean)"))
        select (CASE WHEN typeof(x) = 'string' THEN try_cast(x AS boolean) ELSE cast(x AS boolean) END)
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
        word, following = tokens[at].lower(), _after_spaces(tokens, at + 1)
        is_cast = word == "cast" or (TYPE_NAMES.get(word) in TRIED and _called(written))
        closing = _closing(tokens, following) if is_cast else 0
        target = tokens[following] if word == "::" and following < len(tokens) else ""
        operand = _operand(written) if TYPE_NAMES.get(target.lower()) in TRIED else []
        if closing:
            inside = tokens[following + 1 : closing]
            written.append(_cast(inside) if word == "cast" else _tried(_rewritten(inside), tokens[at]))
            at = closing + 1
        elif operand:
            del written[-len(operand) :]
            written.append(_tried("".join(operand).strip(), target))
            at = following + 1
        else:
            written.append(tokens[at])
            at += 1
    return "".join(written)


def _called(written: Sequence[str]) -> bool:
    """Whether what follows can be called as a function of SQL itself."""
    return not written or written[-1] != "."


def _operand(written: Sequence[str]) -> list[str]:
    """The last operand of what is written: a name, a literal, a call, or what is in parentheses."""
    start = len(written)
    while start and written[start - 1].isspace():
        start -= 1
    in_parentheses = start > 0 and written[start - 1] == ")"
    if in_parentheses:
        start = _opening(written, start)
    word = written[start - 1] if start else ""
    if _PRIMARY.fullmatch(word) and not (in_parentheses and word.lower() in _BEFORE_PARENTHESES):
        start -= 1
        while start > 1 and written[start - 1] == ".":
            start -= 2
    elif not in_parentheses:
        return []
    # A path into a document, which is an operand as a whole.
    return [] if start and written[start - 1] == ":" else list(written[start:])


def _opening(written: Sequence[str], end: int) -> int:
    """Where the parentheses that end at a place begin."""
    depth = 0
    for at in range(end - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(written[at], 0)
        if not depth:
            return at
    return 0


def _cast(inside: Sequence[str]) -> str:
    depths = _depths(inside)
    separators = [at for at, token in enumerate(inside) if token.lower() == "as" and not depths[at]]
    if not separators:
        return f"cast({_rewritten(inside)})"
    operand = _rewritten(inside[: separators[-1]]).strip()
    name = "".join(inside[separators[-1] + 1 :]).strip()
    return _tried(operand, name) if TYPE_NAMES.get(name.lower()) in TRIED else f"cast({operand} AS {name})"


def _tried(operand: str, name: str) -> str:
    kind, text = TYPE_NAMES[name.lower()], operand
    if kind in ("double", "float"):
        text = _replaced(f"string({operand})", NUMBER, "$1")
    elif kind != "boolean":
        text = _replaced(_replaced(f"string({operand})", WHOLE, "$1"), FRACTION, "0")
    tried, plain = f"try_cast({text} AS {name})", f"cast({operand} AS {name})"
    return f"(CASE WHEN typeof({operand}) = 'string' THEN {tried} ELSE {plain} END)"


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
