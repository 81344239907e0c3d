"""Puts the casts that Apache Spark makes by itself into a plan for Sail. Pure but for what finds types."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from databricks_local.runtime.sail.coercion import LATE, coerce
from databricks_local.runtime.sail.sql_casts import tried_in_expression, with_tried_casts
from databricks_local.runtime.sail.texts import finish

_EXPRESSIONS: dict[str, Callable[[Any], Iterable[Any]]] = {
    "project": lambda part: part.expressions,
    "aggregate": lambda part: [*part.grouping_expressions, *part.aggregate_expressions],
    "with_columns": lambda part: [each.expr for each in part.aliases],
    "filter": lambda part: [part.condition],
    "sort": lambda part: [each.child for each in part.order],
}
"""The relations whose expressions see the columns of their input. Those of joins see two."""

Columns = Callable[[Any], list[tuple[str, str]]]
"""The names and types of the columns of a relation; none if Sail cannot say."""


def mend(request: Any, columns: Columns, *, ansi: bool) -> bool:
    """Put casts into all plans of a request.

    Args:
        request: The request, or a part of it. It is changed.
        columns: Finds the columns of a relation.
        ansi: Whether ANSI mode is on.

    Returns:
        Whether it was changed.
    """
    if request.DESCRIPTOR.name == "ExecutePlanRequest" and request.plan.command.HasField("sql_command"):
        # Sail only gives the query back, and runs it later. Other statements are not begun twice.
        return False
    changed = False
    # What a relation reads has to have its types first.
    for relation in reversed(list(_parts(request, "Relation", without="Expression"))):
        if relation.HasField("sql"):
            changed |= not ansi and _mend_query(relation, columns(relation))
        elif relation.with_relations.root.HasField("sql"):
            # The query reads DataFrames that it is given.
            changed |= not ansi and _mend_query(relation.with_relations.root, columns(relation))
        else:
            changed |= _mend_relation(relation, columns, ansi=ansi)
    return changed


def may_fail_late(request: Any) -> bool:
    """Whether a plan of a request has what Sail refuses only when it meets a text that does not fit."""
    return (
        any(part.HasField("cast") for part in _parts(request, "Expression"))
        or any(part.function_name.lower() in LATE for part in _parts(request, "UnresolvedFunction"))
        or _has_text_with_casts(request)
        or any(with_tried_casts(part.query) != part.query for part in _parts(request, "SQL"))
    )


def drop_rows(relation: Any) -> None:
    """Take out the rows that a relation carries, and keep their schema: types do not need them."""
    for local in _parts(relation, "LocalRelation"):
        if local.schema:
            local.ClearField("data")


def _parts(message: Any, name: str, without: str = "") -> Iterator[Any]:
    """The messages of a type in another one, itself included, outer ones before inner ones."""
    # Not by recursion: a plan may be thousands of steps deep.
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part.DESCRIPTOR.name == name:
            yield part
        for field, value in part.ListFields():
            if field.message_type is None or field.message_type.name == without:
                continue
            if field.message_type.GetOptions().map_entry:
                waiting.extend(each for each in value.values() if hasattr(each, "ListFields"))
            else:
                waiting.extend([value] if hasattr(value, "ListFields") else value)


def _mend_relation(relation: Any, columns: Columns, *, ansi: bool) -> bool:
    scope, expressions, named = _scope_of(relation)
    if scope is None:
        return False

    def type_of(expression: Any) -> str:
        literal = expression.literal.WhichOneof("literal_type") if expression.HasField("literal") else None
        return literal or _only(columns, _select(scope, expression))[1]

    changed = False
    for expression in expressions:
        # From inside to outside, and all of them.
        parts = reversed(list(_parts(expression, "Expression")))
        marked = [part for part in parts if coerce(part, type_of, ansi=ansi)]
        if marked or (not ansi and _has_text_with_casts(expression)):
            changed = True
            if named and not expression.HasField("alias"):
                _keep_name(expression, _only(columns, _select(scope, expression))[0])
            _finish(expression, ansi=ansi)
    return changed


def _has_text_with_casts(message: Any) -> bool:
    texts = [part.expression for part in _parts(message, "ExpressionString")]
    return any(tried_in_expression(text) != text for text in texts)


def _finish(expression: Any, *, ansi: bool) -> None:
    for part in _parts(expression, "Expression"):
        if part.HasField("cast"):
            finish(part.cast)
        elif part.HasField("expression_string") and not ansi:
            part.expression_string.expression = tried_in_expression(part.expression_string.expression)


def _mend_query(relation: Any, columns: list[tuple[str, str]]) -> bool:
    query = with_tried_casts(relation.sql.query)
    if query == relation.sql.query or not columns:
        return False
    mended = type(relation)()
    mended.sql.CopyFrom(relation.sql)
    mended.sql.query = query
    # In its place: columns are looked for by the number that the relation has.
    relation.to_df.input.CopyFrom(mended)
    relation.to_df.column_names.extend(name for name, _ in columns)
    return True


def _scope_of(relation: Any) -> tuple[Any, list[Any], bool]:
    """What the expressions of a relation see, the expressions, and whether columns are called after them."""
    kind = relation.WhichOneof("rel_type")
    if kind == "join" and relation.join.HasField("join_condition"):
        return _both_sides(relation), [relation.join.join_condition], False
    if kind not in _EXPRESSIONS or not getattr(relation, kind).HasField("input"):
        return None, [], False
    part = getattr(relation, kind)
    # The columns of a pivot have names of their own.
    named = kind == "project" or (kind == "aggregate" and not part.HasField("pivot"))
    return part.input, list(_EXPRESSIONS[kind](part)), named


def _both_sides(relation: Any) -> Any:
    both = type(relation)()
    both.CopyFrom(relation)
    both.join.ClearField("join_condition")
    both.join.join_type = relation.join.JOIN_TYPE_CROSS
    return both


def _select(scope: Any, expression: Any) -> Any:
    """One expression, as a relation."""
    selected = type(scope)()
    selected.project.input.CopyFrom(scope)
    selected.project.expressions.add().CopyFrom(expression)
    return selected


def _only(columns: Columns, relation: Any) -> tuple[str, str]:
    """The name and type of its only column; empty if there are others, or Sail cannot say."""
    found = columns(relation)
    return found[0] if len(found) == 1 else ("", "")


def _keep_name(expression: Any, name: str) -> None:
    if name:
        inner = type(expression)()
        inner.CopyFrom(expression)
        expression.Clear()
        expression.alias.expr.CopyFrom(inner)
        expression.alias.name.append(name)
