"""Reads COPY INTO. Pure."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from databricks_local.runtime.tables.plain_paths import SCHEME
from databricks_local.runtime.tables.reading.cursor import Cursor, StatementError, split_list

MAX_FILES = 1000
"""Docs: how many files FILES may name."""

FORMATS = ("avro", "binaryfile", "csv", "json", "orc", "parquet", "text")
SHOWN_ROWS = 50
"""Docs: how many rows VALIDATE shows."""


@dataclass(frozen=True)
class Copy:
    """A COPY INTO as it is written.

    Attributes:
        table: The name of the table.
        columns: The columns that the values are for, by position.
        by_position: Whether values are for the columns of the table in their order.
        source: The place of the files.
        select: The expressions of the query around it; empty without.
        alias: The name that the query gives to the files.
        where: The condition of the query.
        file_format: The format of the files.
        validate: How many rows are only checked; None for all; -1 for a copy.
        files: The files, if they are named.
        pattern: The pattern of their names, if there is one.
        format_options: How they are read, by names in lower case.
        copy_options: How they are copied, by names in lower case.
    """

    table: tuple[str, ...]
    source: str
    file_format: str
    columns: tuple[str, ...] = ()
    by_position: bool = False
    select: str = ""
    alias: str = ""
    where: str = ""
    validate: int | None = -1
    files: tuple[str, ...] = ()
    pattern: str = ""
    format_options: dict[str, str] = field(default_factory=dict)
    copy_options: dict[str, str] = field(default_factory=dict)

    def reads(self, name: str) -> bool:
        """Whether an option of reading is true."""
        return self.format_options.get(name, "false").lower() == "true"

    def is_set(self, name: str) -> bool:
        """Whether an option of the copy is true."""
        return self.copy_options.get(name, "false").lower() == "true"

    @property
    def validates(self) -> bool:
        """Whether nothing is copied."""
        return self.validate != -1


def read_copy(cursor: Cursor) -> Copy:
    """Read COPY INTO.

    Raises:
        StatementError: If it is not written as it has to be.
    """
    cursor.expect("COPY", "INTO")
    table = cursor.name()
    by_position = cursor.accept("BY", "POSITION")
    columns: tuple[str, ...] = ()
    if cursor.looks_at("("):
        columns = tuple(Cursor(each).word() for each in split_list(cursor.in_parentheses()))
    cursor.expect("FROM")
    select, alias, where = "", "", ""
    if cursor.looks_at("("):
        inner = Cursor(cursor.in_parentheses())
        inner.expect("SELECT")
        select = inner.until("FROM")
        inner.expect("FROM")
        source = normalized(_source(inner))
        inner.accept("AS")
        alias = inner.word() if not inner.at_end and not inner.looks_at("WHERE") else ""
        where = inner.rest() if inner.accept("WHERE") else ""
        inner.finish()
    else:
        source = normalized(_source(cursor))
    cursor.expect("FILEFORMAT")
    cursor.accept("=")
    file_format = cursor.value().lower()
    if file_format not in FORMATS:
        raise StatementError(f"FILEFORMAT {file_format} is not one of {', '.join(FORMATS)}")
    clauses = _Clauses()
    while not cursor.at_end:
        clauses.read(cursor)
    return Copy(
        table,
        source,
        file_format,
        columns,
        by_position,
        select,
        alias,
        where,
        clauses.validate,
        clauses.files,
        clauses.pattern,
        clauses.format_options,
        clauses.copy_options,
    )


def _source(cursor: Cursor) -> str:
    source = cursor.string()
    if cursor.accept("WITH"):
        cursor.in_parentheses()
    return source


class _Clauses:
    """What follows the format, in any order."""

    def __init__(self) -> None:
        self.validate: int | None = -1
        self.files: tuple[str, ...] = ()
        self.pattern = ""
        self.format_options: dict[str, str] = {}
        self.copy_options: dict[str, str] = {}

    def read(self, cursor: Cursor) -> None:
        if cursor.accept("VALIDATE"):
            self.validate = None
            if not cursor.accept("ALL") and cursor.current is not None and cursor.current.text.isdigit():
                self.validate = int(cursor.value())
                cursor.accept("ROWS")
        elif cursor.accept("FILES"):
            cursor.accept("=")
            self.files = tuple(Cursor(each).string() for each in split_list(cursor.in_parentheses()))
            if len(self.files) > MAX_FILES:
                raise StatementError(f"FILES names {len(self.files)} files; {MAX_FILES} are allowed")
        elif cursor.accept("PATTERN"):
            cursor.accept("=")
            self.pattern = cursor.string()
        elif cursor.accept("FORMAT_OPTIONS"):
            self.format_options = _options(cursor)
        elif cursor.accept("COPY_OPTIONS"):
            self.copy_options = _options(cursor)
        else:
            raise cursor.error("FILES, PATTERN, VALIDATE, FORMAT_OPTIONS or COPY_OPTIONS")
        if self.files and self.pattern:
            raise StatementError("FILES and PATTERN exclude each other")


def _options(cursor: Cursor) -> dict[str, str]:
    return {name.lower(): value for name, value in cursor.properties().items()}


def chosen(copy: Copy, names: Sequence[str]) -> list[str]:
    """The files that a copy is for.

    Args:
        copy: The copy.
        names: The files below its source, by their relative paths.

    Example:
        >>> chosen(Copy(("t",), "/in", "csv", pattern="*.{csv,txt}"), ["a.csv", "b.txt", "c.json"])
        ['a.csv', 'b.txt']
    """
    glob = copy.format_options.get("pathglobfilter")
    if glob:
        pattern = re.compile(_pattern(glob))
        names = [name for name in names if pattern.fullmatch(PurePosixPath(name).name)]
    if copy.files:
        wanted = {below(copy.source, each) for each in copy.files}
        return [name for name in names if name in wanted]
    if copy.pattern:
        pattern = re.compile(_pattern(copy.pattern))
        return [name for name in names if pattern.fullmatch(name) and not is_hidden(name)]
    return [name for name in names if not is_hidden(name)]


def normalized(path: str) -> str:
    """A path without detours: the same, however it is written. In a cloud, each sign belongs to the name.

    Example:
        >>> normalized("dbfs:///tmp/../in//x/"), normalized("/in/./x"), normalized("s3://b/a//x")
        ('dbfs:/in/x', '/in/x', 's3://b/a//x')
    """
    scheme = SCHEME.match(path)
    if scheme is not None and scheme[0].lower() not in ("dbfs:", "file:"):
        return path
    before, rest = (scheme[0], path[scheme.end() :]) if scheme else ("", path)
    return before + posixpath.normpath("/" + rest.lstrip("/"))


def key_of(source: str) -> str:
    """The place of files as it is noted: the same in each of its spellings.

    Example:
        >>> key_of("/in/x"), key_of("dbfs:/in/x"), key_of("s3a://b/x/")
        ('dbfs:/in/x', 'dbfs:/in/x', 's3://b/x')
    """
    plain = re.sub(r"^s3[an]:", "s3:", source.rstrip("/"))
    return plain if SCHEME.match(plain) else f"dbfs:{plain}"


def below(source: str, name: str) -> str:
    """A file of FILES as its path below the source."""
    if not name.startswith("/") and not SCHEME.match(name):
        return posixpath.normpath(name)
    return key_of(normalized(name)).removeprefix(key_of(source) + "/")


def is_hidden(name: str) -> bool:
    """Whether Spark passes a file over: one whose name begins with a period or an underline.

    Example:
        >>> is_hidden("_SUCCESS"), is_hidden("day=1/a.csv"), is_hidden("_x=1/a.csv")
        (True, False, False)
    """
    parts = PurePosixPath(name).parts
    return any(part.startswith((".", "_")) and "=" not in part for part in parts)


def _pattern(glob: str) -> str:
    """A pattern of Hadoop as a regular expression."""
    parts, position, depth = [], 0, 0
    while position < len(glob):
        character = glob[position]
        position += 1
        if character == "*":
            parts.append("[^/]*")
        elif character == "?":
            parts.append("[^/]")
        elif character == "[" and "]" in glob[position:]:
            end = glob.index("]", position)
            inner = glob[position:end]
            parts.append("[" + ("^" + inner[1:] if inner[:1] in "!^" else inner).replace("\\", "\\\\") + "]")
            position = end + 1
        elif character == "{":
            depth += 1
            parts.append("(?:")
        elif character == "}" and depth:
            depth -= 1
            parts.append(")")
        elif character == "," and depth:
            parts.append("|")
        elif character == "\\" and position < len(glob):
            parts.append(re.escape(glob[position]))
            position += 1
        else:
            parts.append(re.escape(character))
    return "".join(parts)
