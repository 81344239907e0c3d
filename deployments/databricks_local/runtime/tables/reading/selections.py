"""QUALIFY, and `* EXCEPT (…)`, which the engine does not know: as queries that it knows. Pure.

Only queries that have one of the two are written anew.
"""

from collections.abc import Callable
from typing import Any

from databricks_local.runtime.tables.reading.references import UnreadableQueryError
from databricks_local.runtime.tables.reading.tokens import tokens_of

ColumnsOf = Callable[[str], list[str]]
"""Gives the names of the columns of a query."""

_OUTER = ("order", "limit", "offset")


def needs_rewriting(text: str) -> bool:
    """Whether a query has one of them.

    Example:
        >>> needs_rewriting("SELECT * EXCEPT (a) FROM t"), needs_rewriting("SELECT 1 EXCEPT SELECT 2")
        (True, False)
    """
    tokens = tokens_of(text)
    return any(
        token.is_word("QUALIFY") or (token.is_word("EXCEPT") and index and tokens[index - 1].text == "*")
        for index, token in enumerate(tokens)
    )


def rewritten(text: str, columns_of: ColumnsOf) -> str:
    """A query without QUALIFY and `* EXCEPT`.

    Args:
        text: The query.
        columns_of: Gives the names of the columns of a query.

    Raises:
        UnreadableQueryError: If its grammar is not known here.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(text, dialect="databricks")
    except SqlglotError as error:
        raise UnreadableQueryError(str(error)) from error
    # From the inside to the outside, so that the names of the columns of what is inside are known.
    selects = sorted(tree.find_all(exp.Select), key=lambda select: -select.depth)
    for select in selects:
        _without_except(select, columns_of)
    for select in selects:
        if select.args.get("qualify") is not None:
            changed = _without_qualify(select, columns_of)
            if select is tree:
                tree = changed
            else:
                select.replace(changed)
    return str(tree.sql(dialect="databricks"))


def _without_except(select: Any, columns_of: ColumnsOf) -> None:
    from sqlglot import exp

    expressions = []
    for each in select.expressions:
        star = each.this if isinstance(each, exp.Column) else each
        excepted = isinstance(star, exp.Star) and (star.args.get("except_") or star.args.get("except"))
        if not excepted:
            expressions.append(each)
            continue
        gone = {name.name.lower() for name in excepted}
        table = each.args.get("table") if isinstance(each, exp.Column) else None
        plain = exp.Column(this=exp.Star(), table=table.copy()) if table is not None else exp.Star()
        names = columns_of(_around(select, _bare(select, [plain])))
        expressions += [
            exp.Column(
                this=exp.to_identifier(name, quoted=True), table=None if table is None else table.copy()
            )
            for name in names
            if name.lower() not in gone
        ]
    select.set("expressions", expressions)


def _bare(select: Any, expressions: list[Any]) -> Any:
    """The same tables with other columns."""
    bare = select.copy()
    for name in (*_OUTER, "qualify", "group", "having", "distinct"):
        bare.set(name, None)
    bare.set("expressions", expressions)
    return bare


def _around(select: Any, bare: Any) -> str:
    """The text of a query with the common tables that it sees."""
    node = select.parent
    common: list[str] = []
    while node is not None:
        within = node.args.get("with_") or node.args.get("with")
        if within is not None:
            common = [
                each.sql(dialect="databricks") for each in within.expressions if each is not node
            ] + common
        node = node.parent
    own = bare.args.get("with_") or bare.args.get("with")
    if common and own is not None:
        common += [each.sql(dialect="databricks") for each in own.expressions]
        bare.set("with_", None)
    text = bare.sql(dialect="databricks")
    return f"WITH {', '.join(common)} {text}" if common else text


def _without_qualify(select: Any, columns_of: ColumnsOf) -> Any:
    """The query around one whose condition is a column.

    The columns inside have names of their own: two may have the same one, and ORDER BY may be of others.
    """
    from sqlglot import exp

    named = {each.alias.lower(): each.this for each in select.expressions if isinstance(each, exp.Alias)}

    def meant(node: Any) -> Any:
        known = isinstance(node, exp.Column) and not node.table and named.get(node.name.lower())
        return exp.paren(known.copy()) if known else node

    inner = select.copy()
    for name in ("qualify", "distinct", *_OUTER):
        inner.set(name, None)
    names = columns_of(_around(select, inner.copy()))
    common = inner.args.get("with_")
    inner.set("with_", None)
    hidden = [select.args["qualify"].this]
    order = select.args["order"].copy() if select.args.get("order") is not None else None
    for each in order.expressions if order is not None else ():
        _order_by_inner(each, names, hidden)
    for index, each in enumerate(hidden):
        inner.append("expressions", exp.alias_(exp.paren(each.copy().transform(meant)), f"__h{index}"))
    columns = [f"__c{index}" for index in range(len(names))]
    inside = exp.alias_(
        exp.Subquery(this=inner), "__q", table=[*columns, *(f"__h{index}" for index in range(len(hidden)))]
    )
    shown = [
        exp.alias_(exp.column(column), name, quoted=True) for column, name in zip(columns, names, strict=True)
    ]
    outer = exp.select(*shown).from_(inside).where(exp.column("__h0"))
    outer.set("with_", common)
    outer.set("distinct", select.args.get("distinct"))
    for name in ("limit", "offset"):
        outer.set(name, select.args.get(name))
    outer.set("order", order)
    return outer


def _order_by_inner(ordered: Any, names: list[str], hidden: list[Any]) -> None:
    """Let a part of ORDER BY be a column of the query inside; one that is none becomes a hidden one."""
    from sqlglot import exp

    wanted = ordered.this
    if isinstance(wanted, exp.Literal) and not wanted.is_string:
        # The number of a column.
        return
    lower = [name.lower() for name in names]
    is_shown = isinstance(wanted, exp.Column) and not wanted.table and wanted.name.lower() in lower
    if is_shown:
        ordered.set("this", exp.column(f"__c{lower.index(wanted.name.lower())}"))
        return
    ordered.set("this", exp.column(f"__h{len(hidden)}"))
    hidden.append(wanted)
