"""Parses notebooks in Databricks source format into cells."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

HEADER = "Databricks notebook source"
SEPARATOR = "COMMAND ----------"

COMMENT_BY_LANGUAGE = {"python": "#", "r": "#", "scala": "//", "sql": "--"}
"""How a line comment starts, by language: header, separators and `MAGIC` lines are comments."""

_COMMENT_SIGN = re.compile(r"/\*|\*/")

CELL_MAGICS = frozenset({"python", "sql", "scala", "r", "md", "md-sandbox", "run", "sh", "fs"})
"""What makes the whole cell one of another kind. All other magics are those of IPython, in a Python cell."""


OPAQUE = r"""(?s:
    --[^\n]*+\n?+
    | (?P<comment>/\*)
    | '[^'\\]*+(?:\\.[^'\\]*+)*+(?:'|\\?\Z)
    | "[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)
    | `[^`]*+`?+
)"""
"""Comments and quoted text of SQL, as a verbose expression. Without an end, they take what is left of it.

Of comments that may have others in them it finds the sign they begin with: see `pieces_of`.
"""

_OPAQUE = re.compile(OPAQUE, re.VERBOSE)
_PIECE = re.compile(rf"{OPAQUE} | ; | [^;'\"`/\-]++ | .", re.VERBOSE)


class NotebookSourceError(ValueError):
    """Raised when a text is not a notebook in a known format."""


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook.

    Attributes:
        language: What runs it: `python`, or the name of its magic (`md`, `sql`, `run`, `pip`, `sh`, ...).
        text: Its source, without the `MAGIC` prefixes and without the magic itself.
        first_line: The line of the notebook's source on which `text` starts, counted from 1.
        argument: What follows the magic on its own line, as in `%run ./setup`.
        title: The title that the notebook gives it.
    """

    language: str
    text: str
    first_line: int
    argument: str = ""
    title: str = ""

    @property
    def script(self) -> str:
        """Everything after the magic: the rest of its line, and the lines below."""
        return f"{self.argument}\n{self.text}".strip("\n")


def detect_language(source: str) -> str | None:
    """The language of a notebook source, by its first line.

    Source: databricks/cli, notebook detection. The header `#` is Python's unless an extension says R.

    Returns:
        The language in lower case, or None if this is no notebook source.
    """
    first = source.removeprefix("\ufeff").split("\n", 1)[0].rstrip("\r ")
    for language in ("python", "scala", "sql"):
        if first == f"{COMMENT_BY_LANGUAGE[language]} {HEADER}":
            return language
    return None


def parse_source(source: str) -> list[Cell]:
    """Parse a notebook in Databricks source format into its cells.

    Args:
        source: The whole text. Line ends may be of either kind.

    Returns:
        The cells that are not empty, in order.

    Raises:
        NotebookSourceError: If the first line is not the header.
    """
    language = detect_language(source)
    if language is None:
        raise NotebookSourceError(f"The first line is not a notebook header such as `# {HEADER}`.")
    comment = COMMENT_BY_LANGUAGE[language]
    lines = source.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    cells: list[Cell] = []
    start = 1
    for number in range(1, len(lines) + 1):
        if number == len(lines) or lines[number].rstrip() == f"{comment} {SEPARATOR}":
            cell = _parse_cell(lines[start:number], start + 1, language, comment)
            if cell is not None:
                cells.append(cell)
            start = number + 1
    return cells


def _parse_cell(lines: list[str], first_line: int, language: str, comment: str) -> Cell | None:
    """Make a cell of the lines between two separators; None if they are blank."""
    title = ""
    begin, end = 0, len(lines)
    while end > begin and not lines[end - 1].strip():
        end -= 1
    while begin < end and not lines[begin].strip():
        begin += 1
    if begin < end and lines[begin].startswith(f"{comment} DBTITLE "):
        title = lines[begin].split(",", 1)[-1].strip()
        begin += 1
    body = lines[begin:end]
    if not any(line.strip() for line in body):
        return None
    first_line += begin
    magic = f"{comment} MAGIC"
    if not body[0].startswith(magic):
        return Cell(language, "\n".join(body), first_line, title=title)
    return _parse_magic([_without_magic(line, magic) for line in body], first_line, language, title)


def _without_magic(line: str, magic: str) -> str:
    return line.removeprefix(magic).removeprefix(" ") if line.startswith(magic) else line


def _parse_magic(body: list[str], first_line: int, language: str, title: str) -> Cell:
    """Read `%name argument` from the first line; the text is what follows it."""
    if not body[0].startswith("%"):
        return Cell(language, "\n".join(body), first_line, title=title)
    name, _, argument = body[0].lstrip("%").partition(" ")
    name = name.strip().lower()
    if not name and len(body) == 1:
        # A percent sign alone, which people leave behind, is nothing to run.
        return Cell("md", "", first_line, title=title)
    if name not in CELL_MAGICS:
        return Cell("python", "\n".join(body), first_line, title=title)
    return Cell(name.partition("-")[0], "\n".join(body[1:]), first_line + 1, argument.strip(), title)


def jupyter_to_source(document: str) -> str:
    """Write a Jupyter notebook in Databricks source format, which is how the workspace keeps it.

    Args:
        document: The JSON of an `.ipynb` file.

    Returns:
        The same cells as Python source.

    Raises:
        NotebookSourceError: If the document is not a notebook.
    """
    try:
        cells = json.loads(document)["cells"]
        texts = [_jupyter_cell(cell) for cell in cells]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotebookSourceError(f"Not a Jupyter notebook: {error!r}") from error
    return f"# {HEADER}\n" + f"\n\n# {SEPARATOR}\n\n".join(texts) + "\n"


def source_to_jupyter(source: str) -> str:
    """Write a notebook in Databricks source format as a Jupyter notebook, without outputs.

    Raises:
        NotebookSourceError: If the first line is not the header.
    """
    language = detect_language(source) or "python"
    cells: list[dict[str, Any]] = []
    for cell in parse_source(source):
        if cell.language == "md":
            cells.append({"cell_type": "markdown", "metadata": {}, "source": cell.text})
            continue
        magic = "" if cell.language == language else f"%{cell.language} {cell.argument}".rstrip() + "\n"
        code: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        cells.append({**code, "source": (magic + cell.text).rstrip("\n")})
    metadata = {"language_info": {"name": language}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def _jupyter_cell(cell: dict[str, Any]) -> str:
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)
    if cell["cell_type"] == "code":
        magic = text.lstrip().startswith("%")
        return "\n".join(f"# MAGIC {line}".rstrip() for line in text.splitlines()) if magic else text
    return "\n".join(["# MAGIC %md", *(f"# MAGIC {line}".rstrip() for line in text.splitlines())])


def split_statements(text: str) -> list[str]:
    """Split SQL at the semicolons outside of quotes and comments; comments alone are no statement."""
    statements: list[str] = []
    start = 0
    says_something = False
    for found in pieces_of(_PIECE, text):
        piece = found[0]
        if piece != ";":
            says_something |= not piece.isspace() and not piece.startswith(("--", "/*"))
            continue
        if says_something:
            statements.append(text[start : found.start()].strip())
        start, says_something = found.end(), False
    if says_something:
        statements.append(text[start:].strip())
    return statements


def without_comments_before(statement: str) -> tuple[str, str]:
    """What comes before the first word of a statement, and the statement from there on.

    Example:
        >>> without_comments_before("/* who */ SELECT 1 -- why")
        ('/* who */ ', 'SELECT 1 -- why')
    """
    position = 0
    while position < len(statement) and (statement[position].isspace() or statement[position] in "-/"):
        end = opaque_end(statement, position)
        if end == position and not statement[position].isspace():
            break
        position = max(end, position + 1)
    return statement[:position], statement[position:]


def opaque_end(text: str, position: int) -> int:
    """The end of the quoted text or comment that starts here; the same position if none does."""
    found = _OPAQUE.match(text, position)
    return position if found is None else _end(found)


def pieces_of(expression: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """What an expression with OPAQUE finds in a text, one after the other; comments are passed as a whole."""
    position = 0
    while (found := expression.search(text, position)) is not None:
        yield found
        position = _end(found)


def _end(found: re.Match[str]) -> int:
    return _comment_end(found.string, found.start()) if found["comment"] else found.end()


def _comment_end(text: str, position: int) -> int:
    """The end of a comment, which may have comments in it."""
    depth = 0
    for found in _COMMENT_SIGN.finditer(text, position):
        depth += 1 if found[0] == "/*" else -1
        if depth == 0:
            return found.end()
    return len(text)
