"""The tables that a query names, and their replacement in its text. Pure.

The text between what is replaced stays as it was. Only queries with QUALIFY and `* EXCEPT` are written anew,
in `selections`.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from databricks_local.runtime.tables.reading.time_travel import sample, time_travel, with_plain_versions
from databricks_local.runtime.tables.reading.tokens import Token, quoted_name, tokens_of


@dataclass(frozen=True)
class Reference:
    """A table in a query.

    Attributes:
        parts: Its name as written.
        start: Where the name begins.
        end: Where it ends, with what is said about the version.
        alias_at: Where an alias would stand; -1 if there is one.
        version: The text of the expression after VERSION AS OF; empty without.
        timestamp: That after TIMESTAMP AS OF.
    """

    parts: tuple[str, ...]
    start: int
    end: int
    alias_at: int = -1
    version: str = ""
    timestamp: str = ""


@dataclass(frozen=True)
class Qualifier:
    """The name of a table before the name of a column.

    Attributes:
        parts: The name.
        start: Where it begins.
        end: Where it ends.
    """

    parts: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Query:
    """What is found in a query.

    Attributes:
        text: Its text, which the places are of.
        references: The tables.
        qualifiers: Names of tables, of two parts and more, before names of columns.
        columns: Names of columns, where they begin and end, and whether each is one of the result as it is.
        aliases: The names that the query gives, in lower case.
    """

    text: str
    references: tuple[Reference, ...]
    qualifiers: tuple[Qualifier, ...] = ()
    columns: tuple[tuple[str, int, int, bool], ...] = ()
    aliases: frozenset[str] = frozenset()


Replacement = Callable[[Reference], str | None]
"""What stands for a table; None leaves it as it is."""


class UnreadableQueryError(ValueError):
    """Raised when a query cannot be read; whoever runs it says what is wrong with it."""


def read_query(text: str) -> Query:
    """Read a query, or a statement that changes rows.

    Raises:
        UnreadableQueryError: If its grammar is not known here.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    # What it cannot read, it would tell the notebook.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    text = with_plain_versions(text)
    try:
        (tree,) = sqlglot.parse(text, dialect="databricks")
    except (SqlglotError, ValueError, RecursionError) as error:
        raise UnreadableQueryError(str(error)) from error
    if tree is None or isinstance(tree, exp.Command):
        raise UnreadableQueryError(text[:100])
    tokens = tokens_of(text)
    references = [_reference(table, tokens, text) for table in _tables(tree)]
    columns = list(tree.find_all(exp.Column))
    return Query(
        text,
        tuple(sorted(references, key=lambda each: each.start)),
        tuple(_qualifiers(columns)),
        tuple(_alone(columns)),
        frozenset(_aliases(tree)),
    )


def _tables(tree: Any) -> Iterator[Any]:
    from sqlglot import exp

    for table in tree.find_all(exp.Table):
        named = isinstance(table.this, exp.Identifier) and "start" in table.this.meta
        if named and not table.find_ancestor(exp.Hint) and not _is_common(table):
            yield table


def _is_common(table: Any) -> bool:
    """Whether it is a common table expression of a query around it."""
    from sqlglot import exp

    if table.args.get("db") is not None:
        return False
    name = table.name.lower()
    node = table
    while node.parent is not None:
        within = node.parent.args.get("with_") or node.parent.args.get("with")
        if isinstance(node.parent, exp.With):
            within, here = node.parent, node.parent.expressions.index(node)
            known = within.expressions[: here + 1 if within.args.get("recursive") else here]
        else:
            known = within.expressions if isinstance(within, exp.With) and node is not within else []
        if any(each.alias.lower() == name for each in known):
            return True
        node = node.parent
    return False


def _reference(table: Any, tokens: list[Token], text: str) -> Reference:
    identifiers = [table.args[key] for key in ("catalog", "db", "this") if table.args.get(key) is not None]
    start = identifiers[0].meta["start"]
    end = identifiers[-1].meta["end"] + 1
    following = [token for token in tokens if token.start >= end]
    kind, expression, count = time_travel(following, text)
    after = following[count - 1].end if count else end
    sampled = sample(following[count:])
    alias_at = -1 if table.alias else (following[count + sampled - 1].end if sampled else after)
    return Reference(
        tuple(identifier.name for identifier in identifiers),
        start,
        after,
        alias_at,
        expression if kind == "VERSION" else "",
        expression if kind == "TIMESTAMP" else "",
    )


def _qualifiers(columns: list[Any]) -> Iterator[Qualifier]:
    for column in columns:
        names = [column.args[key] for key in ("catalog", "db", "table") if column.args.get(key) is not None]
        if len(names) > 1 and all("start" in name.meta for name in names):
            parts = tuple(name.name for name in names)
            yield Qualifier(parts, names[0].meta["start"], names[-1].meta["end"] + 1)


def _alone(columns: list[Any]) -> Iterator[tuple[str, int, int, bool]]:
    from sqlglot import exp

    for column in columns:
        meta = getattr(column.this, "meta", {})
        if "start" in meta:
            first = column.args.get("catalog") or column.args.get("db") or column.args.get("table")
            start = meta["start"] if first is None else first.meta.get("start", meta["start"])
            shown = isinstance(column.parent, exp.Select) and column.arg_key == "expressions"
            yield column.sql("databricks", identify=False).lower(), start, meta["end"] + 1, shown


def _aliases(tree: Any) -> Iterator[str]:
    from sqlglot import exp

    for alias in tree.find_all(exp.Alias):
        yield alias.alias.lower()
    for alias in tree.find_all(exp.TableAlias):
        for column in alias.columns:
            yield column.name.lower()


def replaced(query: Query, replacement: Replacement) -> str:
    """The text of a query with its tables replaced, each under the name by which its columns are found.

    Args:
        query: The query.
        replacement: Says what stands for a table.

    Example:
        >>> query = read_query("SELECT main.default.t.a FROM main.default.t")
        >>> replaced(query, lambda table: "delta.`/t`")
        'SELECT `t`.a FROM delta.`/t` AS `t`'
    """
    edits: list[tuple[int, int, str]] = []
    done: set[tuple[str, ...]] = set()
    for reference in query.references:
        source = replacement(reference)
        if source is None:
            continue
        alias = f" AS {quoted_name(reference.parts[-1])}"
        edits.append((reference.start, reference.end, source))
        if reference.alias_at >= 0:
            edits.append((reference.alias_at, reference.alias_at, alias))
        done.add(tuple(part.lower() for part in reference.parts))
    edits += [
        (qualifier.start, qualifier.end, quoted_name(qualifier.parts[-1]))
        for qualifier in query.qualifiers
        if _is_end_of(tuple(part.lower() for part in qualifier.parts), done)
    ]
    return edited(query.text, edits)


def _is_end_of(qualifier: tuple[str, ...], names: set[tuple[str, ...]]) -> bool:
    """Whether a table has this name, or one that ends so: `schema.table` of `catalog.schema.table`."""
    return any(name[-len(qualifier) :] == qualifier for name in names)


def edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    """A text with pieces replaced.

    Example:
        >>> edited("abc", [(1, 2, "X"), (3, 3, "!")])
        'aXc!'
    """
    parts, position = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        parts += [text[position:start], new]
        position = end
    return "".join([*parts, text[position:]])
