"""Several SQL statements in one text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

_TOKEN = re.compile(
    r"""
    (?P<comment>--[^\n]*|/\*)
  | (?P<quoted>
        [rR]'[^']*' | [rR]"[^"]*"           # raw: a backslash is one
      | '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*"
      | `[^`]*`
      | \$\$.*?\$\$                         # the body of a function
    )
  | (?P<marker>(?<![:\w\])`]):[A-Za-z_]\w*)
  | (?P<word>\w+)
  | (?P<end>;)
  | (?P<other>\S)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_INNER = frozenset({"IF", "WHILE", "FOR", "LOOP", "REPEAT"})
"""What ends by two words, such as `END IF`, and is not counted: IF and REPEAT are functions as well."""
_NOTHING = ("end", "", 0)


def split_statements(text: str) -> list[str]:
    r"""Split a text at the semicolons between its statements.

    Semicolons in quotes, comments and `BEGIN … END` do not count. Comments alone are no statement.

    Args:
        text: The text, such as that of a file.

    Examples:
        >>> split_statements("USE main; SELECT ';' -- all;\n;")
        ['USE main', "SELECT ';' -- all;"]
    """
    statements: list[str] = []
    words: list[str] = []
    start = depth = 0
    for here, following in pairwise([*_tokens(text), _NOTHING]):
        kind, _, position = here
        if kind == "end" and not depth:
            if words:
                statements.append(text[start:position].strip())
            start, words = position + 1, []
            continue
        words.append(_upper(here))
        depth += _opened(words, _upper(following), depth)
    if words:
        statements.append(text[start:].strip())
    return statements


def _opened(words: list[str], following: str, depth: int) -> int:
    """How many blocks the last of the words opens, or closes if negative."""
    if words[-1] == "END":
        return -1 if depth and following not in _INNER else 0
    if words[-1] == "CASE":
        return 1 if depth and words[-2] != "END" else 0
    if words[-1] == "BEGIN":
        # A column may have that name.
        return 1 if depth or words[0] in ("BEGIN", "CREATE") or words[1:2] == [":"] else 0
    return 0


def _upper(token: tuple[str, str, int]) -> str:
    return token[1].upper() if token[0] in ("word", "other") else ""


def markers_of(statement: str) -> set[str]:
    """The names of the markers in a statement, such as `day` of `:day`.

    Examples:
        >>> sorted(markers_of("SELECT ':no', v::INT, raw:path FROM t WHERE d = :day AND n > :least"))
        ['day', 'least']
    """
    return {token[1:] for kind, token, _ in _tokens(statement) if kind == "marker"}


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text and position of each token but comments."""
    position = 0
    while found := _TOKEN.search(text, position):
        position = found.end()
        if found.lastgroup == "comment":
            if found[0] == "/*":
                position = _end_of_comment(text, position)
        else:
            yield str(found.lastgroup), found[0], found.start()


def _end_of_comment(text: str, position: int) -> int:
    """Comments in brackets may hold others."""
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(text, position)):
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return len(text) if depth else position


def words_of(statement: str) -> Iterator[str]:
    """The words of a statement outside of quotes and comments, in capitals."""
    return (token.upper() for kind, token, _ in _tokens(statement) if kind == "word")
