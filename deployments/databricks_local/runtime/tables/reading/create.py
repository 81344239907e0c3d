"""Reads CREATE TABLE. Pure."""

from dataclasses import dataclass, field, replace

from databricks_local.runtime.tables.reading.cursor import Cursor, split_list

_CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "FOREIGN", "CHECK")


@dataclass(frozen=True)
class Identity:
    """How the numbers of an identity column are made."""

    always: bool
    start: int = 1
    step: int = 1


@dataclass(frozen=True)
class Column:
    """A column as it is written.

    Attributes:
        name: Its name.
        type_ddl: Its type; empty if it is that of a generated column.
        nullable: Whether values may be missing.
        comment: What is said about it; None without.
        default: The expression of its default value.
        generated: The expression that its values are.
        identity: How its numbers are made.
    """

    name: str
    type_ddl: str
    nullable: bool = True
    comment: str | None = None
    default: str = ""
    generated: str = ""
    identity: Identity | None = None


@dataclass(frozen=True)
class CreateTable:
    """A table that is to be made.

    Attributes:
        name: Its name as written.
        replace: Whether it takes the place of one.
        if_not_exists: Whether one that is there stays.
        columns: Its columns.
        checks: Its constraints: names and expressions.
        using: The format; empty without.
        options: The options of the format.
        partitions: The columns by which it is partitioned.
        clustered: The columns by which it is clustered.
        location: Where its files are; empty for a managed table.
        comment: What it is told to be; None without.
        properties: Its properties.
        like: The table that it is like.
        query: The query whose rows it gets; empty without.
    """

    name: tuple[str, ...]
    replace: bool = False
    if_not_exists: bool = False
    columns: tuple[Column, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    using: str = ""
    options: dict[str, str] = field(default_factory=dict)
    partitions: tuple[str, ...] = ()
    clustered: tuple[str, ...] = ()
    location: str = ""
    comment: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    like: tuple[str, ...] = ()
    query: str = ""


def read_create_table(cursor: Cursor) -> CreateTable | None:
    """Read CREATE TABLE; None if it is another statement.

    Raises:
        StatementError: If it is not written as it has to be.
    """
    cursor.accept("CREATE")
    takes_place = bool(cursor.accept("OR", "REPLACE") or cursor.accept("REPLACE"))
    # What makes a table external is its location.
    cursor.accept("EXTERNAL")
    if not cursor.accept("TABLE"):
        return None
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    name = cursor.name()
    columns: list[Column] = []
    checks: list[tuple[str, str]] = []
    like: tuple[str, ...] = ()
    if cursor.looks_at("("):
        columns, checks = _columns(cursor.in_parentheses())
    elif cursor.accept("LIKE"):
        like = cursor.name()
    clauses = _Clauses()
    while not cursor.at_end and clauses.read(cursor):
        pass
    cursor.accept("AS")
    query = cursor.rest()
    by_partition = [column for column in clauses.partition_columns if column.type_ddl]
    return CreateTable(
        name,
        takes_place,
        if_not_exists,
        (*columns, *by_partition),
        tuple(checks),
        clauses.using,
        clauses.options,
        tuple(column.name for column in clauses.partition_columns),
        clauses.clustered,
        clauses.location,
        clauses.comment,
        clauses.properties,
        like,
        query,
    )


class _Clauses:
    """What follows the columns, in any order."""

    def __init__(self) -> None:
        self.using = ""
        self.options: dict[str, str] = {}
        self.partition_columns: list[Column] = []
        self.clustered: tuple[str, ...] = ()
        self.location = ""
        self.comment: str | None = None
        self.properties: dict[str, str] = {}

    def read(self, cursor: Cursor) -> bool:
        """Read a clause; says whether there was one."""
        if cursor.accept("USING"):
            self.using = ".".join(cursor.name()).lower()
        elif cursor.accept("OPTIONS"):
            self.options = cursor.properties()
        elif cursor.accept("PARTITIONED", "BY"):
            self.partition_columns = [_partition(each) for each in split_list(cursor.in_parentheses())]
        elif cursor.accept("CLUSTER", "BY"):
            self._cluster(cursor)
        elif cursor.accept("LOCATION"):
            self.location = cursor.string()
        elif cursor.accept("COMMENT"):
            self.comment = cursor.string()
        elif cursor.accept("TBLPROPERTIES"):
            self.properties = cursor.properties()
        elif cursor.accept("STORED", "AS"):
            self.using = cursor.word().lower()
        else:
            return False
        return True

    def _cluster(self, cursor: Cursor) -> None:
        if not cursor.accept_any("AUTO", "NONE"):
            columns = split_list(cursor.in_parentheses())
            self.clustered = tuple(".".join(Cursor(each).name()) for each in columns)


def _partition(text: str) -> Column:
    cursor = Cursor(text)
    name = cursor.word()
    return Column(name, "") if cursor.at_end else _column(Cursor(text))


def _columns(text: str) -> tuple[list[Column], list[tuple[str, str]]]:
    columns: list[Column] = []
    checks: list[tuple[str, str]] = []
    for each in split_list(text):
        cursor = Cursor(each)
        if any(cursor.looks_at(word) for word in _CONSTRAINTS) and not _is_column(each):
            name = cursor.word() if cursor.accept("CONSTRAINT") else f"check_{len(checks)}"
            if cursor.accept("CHECK"):
                checks.append((name, cursor.in_parentheses()))
        else:
            columns.append(_column(cursor))
    return columns, checks


def _is_column(text: str) -> bool:
    """Whether something that begins as a constraint is a column of such a name."""
    cursor = Cursor(text)
    first = cursor.take()
    return not first.is_word("CONSTRAINT") and not cursor.looks_at("KEY") and not cursor.looks_at("(")


def read_columns(text: str) -> list[Column]:
    """Columns as they are written in a list.

    Example:
        >>> [column.name for column in read_columns("a INT NOT NULL, b STRUCT<x: INT>")]
        ['a', 'b']
    """
    return [_column(Cursor(each)) for each in split_list(text)]


def _column(cursor: Cursor) -> Column:
    name = cursor.word()
    cursor.accept(":")
    column = Column(name, type_text_in(cursor))
    while not cursor.at_end:
        column = _with_clause(column, cursor)
    return column


def _with_clause(column: Column, cursor: Cursor) -> Column:
    """A column with what is said about it next."""
    if cursor.accept("NOT", "NULL"):
        return replace(column, nullable=False)
    if cursor.accept("COMMENT"):
        return replace(column, comment=cursor.string())
    if cursor.accept("DEFAULT"):
        return replace(column, default=cursor.until("COMMENT", "NOT", "CONSTRAINT", "PRIMARY"))
    if cursor.accept("GENERATED"):
        return _made(column, cursor)
    # What is told about keys and collations changes nothing here.
    if cursor.accept("CONSTRAINT") or cursor.accept("COLLATE"):
        cursor.word()
    elif cursor.accept("REFERENCES") or cursor.accept("FOREIGN", "KEY"):
        cursor.rest()
    elif not (cursor.accept("PRIMARY", "KEY") or cursor.accept_any("NULL", "RELY", "NORELY")):
        raise cursor.error("the next column")
    return column


def _made(column: Column, cursor: Cursor) -> Column:
    """A column whose values are made: by an expression, or as numbers."""
    always = not cursor.accept("BY", "DEFAULT")
    cursor.accept("ALWAYS")
    cursor.expect("AS")
    if cursor.accept("IDENTITY"):
        return replace(column, identity=_identity(cursor, always=always))
    return replace(column, generated=cursor.in_parentheses())


def _identity(cursor: Cursor, *, always: bool) -> Identity:
    start, step = 1, 1
    if cursor.looks_at("("):
        inner = Cursor(cursor.in_parentheses())
        while not inner.at_end:
            if inner.accept("START"):
                inner.accept("WITH")
                start = int(inner.value())
            elif inner.accept("INCREMENT"):
                inner.accept("BY")
                step = int(inner.value())
            else:
                inner.skip()
    return Identity(always, start, step)


def type_text_in(cursor: Cursor) -> str:
    """The text of a type that begins here."""
    if cursor.at_end or any(cursor.looks_at(word) for word in ("GENERATED", "COMMENT", "NOT")):
        return ""
    start = cursor.position
    cursor.word()
    depth = 0
    while cursor.looks_at("<") or depth > 0:
        depth += cursor.looks_at("<") - cursor.looks_at(">")
        if cursor.looks_at("<>"):
            cursor.take()
            break
        cursor.skip()
    if cursor.looks_at("("):
        cursor.skip()
    return cursor.text[start : cursor.end_before]
