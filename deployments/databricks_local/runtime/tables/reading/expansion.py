"""A query's own words that the engine does not know: IDENTIFIER, `read_files`, names of the session. Pure."""

import re
from collections.abc import Callable, Mapping

from databricks_local.runtime.tables.reading.cursor import StatementError
from databricks_local.runtime.tables.reading.references import edited
from databricks_local.runtime.tables.reading.tokens import SIGN, STRING, WORD, Token, quoted_text, tokens_of

METASTORE = "local:dbflow:11111111-2222-4333-8444-555555555555"
"""As `current_metastore()` names it: cloud, region, id."""

_TABLE = re.compile(r"(?i)\s*TABLE\s+(?=[\w`])")
_CURRENT = re.compile(r"(?i)\bcurrent_(catalog|schema|database|metastore)\b")
_INNER = re.compile(r"(?i)\(\s*(describe|desc|show)\b")
_FILE_FUNCTIONS = ("READ_FILES", "CLOUD_FILES")


def with_identifiers(text: str, values: Mapping[str, str]) -> str:
    """A statement whose `IDENTIFIER(…)` clauses are the names that they say.

    Args:
        text: The statement.
        values: The values of arguments and variables, by name in lower case.

    Raises:
        StatementError: If a name is not known.

    Example:
        >>> with_identifiers("SELECT * FROM IDENTIFIER(:s || '.t')", {"s": "main.default"})
        'SELECT * FROM main.default.t'
    """
    if "identifier" not in text.lower():
        return text
    tokens = tokens_of(text)
    edits: list[tuple[int, int, str]] = []
    for index, token in enumerate(tokens):
        if token.is_word("IDENTIFIER") and _is_sign(tokens, index + 1, "("):
            close = _closing(tokens, index + 1)
            name = _evaluated(tokens[index + 2 : close], values)
            edits.append((token.start, tokens[close].end, name))
    return edited(text, edits)


def _evaluated(tokens: list[Token], values: Mapping[str, str]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token.kind == STRING:
            parts.append(token.text)
        elif token.kind == WORD and token.text.upper() not in ("SESSION", "SYSTEM"):
            if token.text.lower() not in values:
                raise StatementError(f"IDENTIFIER needs a value for {token.text}, which has none")
            parts.append(values[token.text.lower()])
        elif token.kind == SIGN and token.text not in (":", "||", "."):
            raise StatementError("IDENTIFIER takes strings, parameters and variables, joined by ||")
    return "".join(parts)


def _is_sign(tokens: list[Token], index: int, text: str) -> bool:
    return index < len(tokens) and tokens[index].kind == SIGN and tokens[index].text == text


def _closing(tokens: list[Token], index: int) -> int:
    """The index of the parenthesis that closes the one at an index."""
    depth = 0
    for position in range(index, len(tokens)):
        depth += _is_sign(tokens, position, "(") - _is_sign(tokens, position, ")")
        if depth == 0:
            return position
    raise StatementError("Syntax error: a parenthesis is not closed")


def expanded(text: str, catalog: str, schema: str) -> str:
    """A query with the names of the session as they are.

    Example:
        >>> expanded("SELECT current_schema()", "main", "default")
        "SELECT 'default' AS `current_schema()`"
    """
    found = _TABLE.match(text)
    if found is not None:
        text = "SELECT * FROM " + text[found.end() :]  # noqa: S608 - their own statement
    if not _CURRENT.search(text):
        return text
    return edited(text, _session_edits(tokens_of(text), catalog, schema))


def _session_edits(tokens: list[Token], catalog: str, schema: str) -> list[tuple[int, int, str]]:
    known = {
        "CURRENT_CATALOG": catalog,
        "CURRENT_SCHEMA": schema,
        "CURRENT_DATABASE": schema,
        "CURRENT_METASTORE": METASTORE,
    }
    edits: list[tuple[int, int, str]] = []
    depth = 0
    for index, token in enumerate(tokens):
        depth += _is_sign(tokens, index, "(") - _is_sign(tokens, index, ")")
        if token.kind != WORD or token.text.upper() not in known or not _is_sign(tokens, index + 1, "("):
            continue
        if not _is_sign(tokens, index + 2, ")") or _is_sign(tokens, index - 1, "."):
            continue
        alias = f" AS `{token.text.lower()}()`" if depth == 0 and _is_column(tokens, index, index + 3) else ""
        edits.append((token.start, tokens[index + 2].end, quoted_text(known[token.text.upper()]) + alias))
    return edits


def _is_column(tokens: list[Token], start: int, end: int) -> bool:
    """Whether what is between two indexes is a column of the result as it is."""
    before = tokens[start - 1] if start else None
    begins = before is not None and (before.is_word("SELECT", "DISTINCT") or _is_sign(tokens, start - 1, ","))
    return begins and (end >= len(tokens) or tokens[end].is_word("FROM") or _is_sign(tokens, end, ","))


def with_file_functions(text: str, name: Callable[[str], str]) -> str:
    """A query in which names stand for calls of `read_files`.

    Args:
        text: The query.
        name: Gives the name for the arguments of a call.
    """
    if not any(name.lower() in text.lower() for name in _FILE_FUNCTIONS):
        return text
    tokens = tokens_of(text)
    edits: list[tuple[int, int, str]] = []
    for index, token in enumerate(tokens):
        if token.is_word(*_FILE_FUNCTIONS) and _is_sign(tokens, index + 1, "("):
            close = _closing(tokens, index + 1)
            arguments = text[tokens[index + 1].end : tokens[close].start]
            edits.append((token.start, tokens[close].end, name(arguments)))
    return edited(text, edits)


def with_inner_statements(text: str, replacement: Callable[[str], str]) -> str:
    """A query in which queries stand for statements in parentheses that show something.

    Args:
        text: The query.
        replacement: Gives the query for a statement.

    Example:
        >>> with_inner_statements("SELECT max(version) FROM (DESCRIBE HISTORY t)", lambda text: "q")
        'SELECT max(version) FROM (q)'
    """
    if not _INNER.search(text):
        return text
    tokens = tokens_of(text)
    edits: list[tuple[int, int, str]] = []
    for index, token in enumerate(tokens[1:], 1):
        if (
            token.is_word("DESCRIBE", "DESC", "SHOW")
            and _is_sign(tokens, index - 1, "(")
            and tokens[index + 1].is_name
        ):
            close = tokens[_closing(tokens, index - 1)]
            edits.append((token.start, close.start, replacement(text[token.start : close.start])))
    return edited(text, edits)
