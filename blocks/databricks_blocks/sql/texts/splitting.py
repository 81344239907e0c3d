"""Several SQL statements in one text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, pairwise

from databricks_blocks.sql.parameters import InvalidStatement

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
_TRANSACTION = frozenset({"TRANSACTION", "WORK"})
"""What `BEGIN` begins with these."""
_NO_BLOCK_AFTER = frozenset(
    {
        "(",
        ",",
        ".",
        "=",
        "<",
        ">",
        "!",
        "+",
        "-",
        "*",
        "/",
        "SELECT",
        "DISTINCT",
        "BY",
        "AND",
        "OR",
        "NOT",
        "ON",
    }
    | {"WHERE", "HAVING", "SET", "CASE", "WHEN", "IN", "BETWEEN", "AS", "FROM", "JOIN", "TABLE", "COLUMN"}
)
"""After these, BEGIN is the name of a column."""
_INNER = frozenset({"IF", "WHILE", "FOR", "LOOP", "REPEAT"})
"""What ends by two words, such as `END IF`, and is not counted: IF and REPEAT are functions as well."""
_NOTHING = ("end", "", 0)


def split_statements(text: str) -> list[str]:
    r"""Split a text at the semicolons between its statements.

    Semicolons in quotes, comments and `BEGIN … END` do not count. Comments alone are no statement.

    Args:
        text: The text, such as that of a file.

    Raises:
        InvalidStatement: A comment or a block has no end, or a transaction would span statements.

    Examples:
        >>> split_statements("USE main; SELECT ';' -- all;\n;")
        ['USE main', "SELECT ';' -- all;"]
    """
    statements: list[str] = []
    words: list[str] = []
    blocks: list[int] = []
    start = 0
    for here, following in pairwise([*_tokens(text, whole=True), _NOTHING]):
        kind, _, position = here
        if kind == "end" and not blocks:
            if words:
                statements.append(text[start:position].strip())
            start, words = position + 1, []
            continue
        words.append(";" if kind == "end" else _upper(here))
        opened = _opened(words, _upper(following), len(blocks))
        if opened and words == ["BEGIN"] and (following[0] == "end" or _upper(following) in _TRANSACTION):
            raise InvalidStatement(
                f"the transaction that begins in line {_line_of(text, position)} would span statements, "
                "and each has a session of its own: write what belongs together as one, `BEGIN … END`."
            )
        if opened > 0:
            blocks.append(position)
        elif opened < 0:
            blocks.pop()
    if blocks:
        raise InvalidStatement(f"the block that begins in line {_line_of(text, blocks[0])} has no END.")
    if words:
        statements.append(text[start:].strip())
    return statements


def _line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _opened(words: list[str], following: str, depth: int) -> int:
    """How many blocks the last of the words opens, or closes if negative."""
    if words[-1] == "END":
        return -1 if depth and following not in _INNER else 0
    if words[-1] == "CASE":
        return 1 if depth and words[-2] != "END" else 0
    if words[-1] == "BEGIN":
        return 1 if _begins_block(words, depth) else 0
    return 0


def _begins_block(words: list[str], depth: int) -> bool:
    """Whether the last of the words, a BEGIN, begins a block: a column may have that name, too."""
    if len(words) == 1 or (words[1] == ":" and not words[3:]):
        return True
    in_procedure = words[0] == "CREATE" and "PROCEDURE" in words
    # The body of a procedure may come after AS.
    after_as = in_procedure and not depth and words[-2] == "AS"
    return bool(depth or in_procedure) and (after_as or words[-2] not in _NO_BLOCK_AFTER)


def _upper(token: tuple[str, str, int]) -> str:
    return token[1].upper() if token[0] in ("word", "other") else ""


def markers_of(statement: str) -> set[str]:
    """The names of the markers in a statement, such as `day` of `:day`.

    Examples:
        >>> sorted(markers_of("SELECT ':no', v::INT, raw:path FROM t WHERE d = :day AND n > :least"))
        ['day', 'least']
    """
    return {token[1:] for kind, token, _ in _tokens(statement) if kind == "marker"}


def is_named_block(statement: str) -> bool:
    """Whether a statement is a block with a name, such as `load: BEGIN … END`."""
    first = [_upper(token) for token in islice(_tokens(statement), 3)]
    return first[1:] == [":", "BEGIN"]


def _tokens(text: str, *, whole: bool = False) -> Iterator[tuple[str, str, int]]:
    """Kind, text and position of each token but comments.

    Args:
        text: The text.
        whole: A comment without an end is an error; otherwise it ends with the text.
    """
    position = 0
    while found := _TOKEN.search(text, position):
        position = found.end()
        if found.lastgroup == "comment":
            if found[0] == "/*":
                end = _end_of_comment(text, position)
                if end is None and whole:
                    raise InvalidStatement(
                        f"the comment that begins in line {_line_of(text, found.start())} is never closed: "
                        "a `/*` inside of it begins another one."
                    )
                position = len(text) if end is None else end
        else:
            yield str(found.lastgroup), found[0], found.start()


def _end_of_comment(text: str, position: int) -> int | None:
    """Comments in brackets may hold others."""
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(text, position)):
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return None if depth else position


def words_of(statement: str) -> Iterator[str]:
    """The words of a statement outside of quotes and comments, in capitals."""
    return (token.upper() for kind, token, _ in _tokens(statement) if kind == "word")
