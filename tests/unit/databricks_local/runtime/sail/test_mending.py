"""The casts that a plan for Sail gets. Columns: `a` and `b` are texts, `n` is an integer, `d` a decimal."""

import re
from typing import Any

import pytest
from databricks_local.runtime.sail.mending import drop_rows, may_fail_late, mend
from databricks_local.runtime.sail.sql_casts import with_tried_casts
from databricks_local.runtime.sail.texts import FRACTION, NUMBER, WHOLE
from pyspark.sql.connect.proto import ExecutePlanRequest, Expression, Relation

TYPES = {
    "a": "string",
    "b": "string",
    "n": "integer",
    "l": "long",
    "x": "double",
    "d": "decimal",
    "day": "date",
}


def column(name: str) -> Expression:
    return Expression(unresolved_attribute=Expression.UnresolvedAttribute(unparsed_identifier=name))


def call(name: str, *arguments: Expression) -> Expression:
    return Expression(
        unresolved_function=Expression.UnresolvedFunction(function_name=name, arguments=arguments)
    )


def cast(operand: Expression, kind: str) -> Expression:
    return Expression(cast=Expression.Cast(expr=operand, type_str=kind))


def integer(value: int) -> Expression:
    return Expression(literal=Expression.Literal(integer=value))


def project(*expressions: Expression) -> Relation:
    relation = Relation()
    relation.project.input.read.named_table.unparsed_identifier = "t"
    relation.project.expressions.extend(expressions)
    return relation


def columns(relation: Any) -> list[tuple[str, str]]:
    """What Sail says of a relation of one expression."""
    if relation.HasField("sql"):
        return [("first", "double"), ("second", "double")]
    (expression,) = relation.project.expressions
    if expression.HasField("unresolved_attribute"):
        name = expression.unresolved_attribute.unparsed_identifier
        return [(name, TYPES[name])] if name in TYPES else []
    return [(shown(expression), "double")]


def shown(expression: Expression) -> str:
    """An expression as a text, with patterns in short."""
    kind = expression.WhichOneof("expr_type")
    if kind == "unresolved_attribute":
        return str(expression.unresolved_attribute.unparsed_identifier)
    if kind == "literal":
        return "null" if expression.literal.HasField("null") else str(expression.literal).split()[1]
    if kind == "alias":
        return f"{shown(expression.alias.expr)} as {expression.alias.name[0]}"
    if kind == "cast":
        target = expression.cast.type_str or expression.cast.type.WhichOneof("kind")
        word = {0: "cast", 1: "legacy", 2: "ansi", 3: "try"}[expression.cast.eval_mode]
        return f"{word}({shown(expression.cast.expr)}, {target})"
    function = expression.unresolved_function
    if function.function_name == "regexp_replace":
        return f"clean({shown(function.arguments[0])})"
    return f"{function.function_name}({', '.join(map(shown, function.arguments))})"


A, B, N, X, D = map(column, ("a", "b", "n", "x", "d"))
NULL = Expression(literal=Expression.Literal(null={"null": {}}))
NUMBER_A = "try(clean(a), double)"


@pytest.mark.parametrize(
    ("expression", "without_ansi", "with_ansi"),
    [
        (call("+", A, B), f"+({NUMBER_A}, try(clean(b), double))", None),
        (call("+", A, integer(1)), f"+({NUMBER_A}, 1)", "+(cast(a, long), 1)"),
        (call("*", N, A), f"*(n, {NUMBER_A})", "*(n, cast(a, long))"),
        (call("*", A, D), f"*({NUMBER_A}, d)", "*(cast(clean(a), double), d)"),
        (call("+", N, X), None, None),
        (call("-", A), None, None),
        (call("+", A, NULL), f"+({NUMBER_A}, null)", None),
        (call("+", A, column("day")), None, None),
        (call("+", A, column("unknown")), None, None),
        (call("avg", A), f"avg({NUMBER_A})", "avg(cast(clean(a), double))"),
        (call("avg", N), None, None),
        (call("max", A), None, None),
        (call(">", A, integer(1)), ">(cast(a, integer), 1)", ">(cast(a, long), 1)"),
        (call("<=", X, A), f"<=(x, {NUMBER_A})", "<=(x, cast(clean(a), double))"),
        (call(">", A, B), None, None),
        (call("in", A, integer(1)), "in(a, cast(1, string))", "in(cast(a, long), 1)"),
        (call("in", A, B), None, None),
        (cast(A, "double"), NUMBER_A, None),
        (cast(A, "BIGINT"), "try(clean(clean(a)), BIGINT)", None),
        (cast(A, "boolean"), "try(a, boolean)", None),
        (cast(A, "decimal(5,2)"), None, None),
        (cast(A, "int"), None, None),
        (cast(N, "double"), None, None),
        (
            call("+", call("*", A, integer(2)), B),
            f"+(*({NUMBER_A}, 2), try(clean(b), double))",
            "+(*(cast(a, long), 2), cast(clean(b), double))",
        ),
    ],
)  # fmt: skip
def test_casts_of_an_expression(
    expression: Expression, without_ansi: str | None, with_ansi: str | None
) -> None:
    for ansi, wanted in ((False, without_ansi), (True, with_ansi)):
        relation = project(expression)
        before = shown(expression)
        assert mend(relation, columns, ansi=ansi) == (wanted is not None)
        found = shown(relation.project.expressions[0])
        assert found.partition(" as ")[0] == (wanted or before)


def test_a_column_keeps_the_name_that_spark_gives_it() -> None:
    relation = project(call("+", A, B))
    mend(relation, columns, ansi=False)
    alias = relation.project.expressions[0].alias
    # As Sail calls what has plain casts, which have no part in names there.
    assert list(alias.name) == ["+(legacy(a, double), legacy(b, double))"]


def test_each_place_of_a_plan_that_has_expressions() -> None:
    grouped = Relation()
    grouped.aggregate.input.CopyFrom(project(A, B))
    grouped.aggregate.grouping_expressions.append(call("-", A, integer(1)))
    grouped.aggregate.aggregate_expressions.append(call("sum", B))
    filtered = Relation()
    filtered.filter.input.CopyFrom(grouped)
    filtered.filter.condition.CopyFrom(call("<", A, integer(3)))
    added = Relation()
    added.with_columns.input.CopyFrom(filtered)
    added.with_columns.aliases.add(expr=call("/", A, B), name=["half"])
    ordered = Relation()
    ordered.sort.input.CopyFrom(added)
    ordered.sort.order.add(child=call("%", A, integer(2)))
    joined = Relation()
    joined.join.left.CopyFrom(ordered)
    joined.join.right.CopyFrom(project(B))
    joined.join.join_condition.CopyFrom(call("==", A, integer(4)))
    request = ExecutePlanRequest()
    request.plan.root.CopyFrom(joined)
    assert mend(request, columns, ansi=False)
    plain = str(request)
    assert len(re.findall(r"EVAL_MODE_TRY", plain)) == 5
    assert len(re.findall(r"integer \{\s*\}", plain)) == 2
    assert "EVAL_MODE_LEGACY" not in plain
    assert "EVAL_MODE_ANSI" not in plain


def test_a_query_keeps_its_columns_and_is_found_by_its_number() -> None:
    relation = Relation()
    relation.common.plan_id = 7
    relation.sql.query = "select cast(a as double), cast(n as int) from t"
    assert not mend(relation, columns, ansi=True)
    assert mend(relation, columns, ansi=False)
    assert relation.common.plan_id == 7
    assert list(relation.to_df.column_names) == ["first", "second"]
    assert "try_cast" in relation.to_df.input.sql.query
    assert "cast(n AS int)" in relation.to_df.input.sql.query


@pytest.mark.parametrize(
    ("expression", "late"),
    [
        (call("+", A, B), False),
        (call("max", A), False),
        (call("upper", call(">", A, integer(1))), True),
        (cast(A, "int"), True),
        (call("avg", A), True),
    ],
)
def test_what_is_looked_at_before_a_write(expression: Expression, late: bool) -> None:
    request = ExecutePlanRequest()
    request.plan.command.write_operation.input.CopyFrom(project(expression))
    assert may_fail_late(request) == late


def test_a_query_that_is_given_a_table() -> None:
    relation = Relation()
    relation.with_relations.root.sql.query = "select cast(a as double), 1 from given"
    relation.with_relations.references.append(project(A))

    def known(part: Any) -> list[tuple[str, str]]:
        return [] if part.HasField("sql") else [("x", "double"), ("y", "integer")]

    assert mend(relation, known, ansi=False)
    assert list(relation.with_relations.root.to_df.column_names) == ["x", "y"]


def test_rows_are_not_needed_for_types() -> None:
    relation = Relation()
    relation.filter.input.local_relation.data = b"rows"
    drop_rows(relation)
    assert relation.filter.input.local_relation.data == b"rows"
    relation.filter.input.local_relation.schema = "a string"
    drop_rows(relation)
    assert not relation.filter.input.local_relation.data


def test_a_statement_is_not_begun_twice() -> None:
    request = ExecutePlanRequest()
    request.plan.command.sql_command.input.sql.query = "select cast(a as double) from t"
    assert not mend(request, columns, ansi=False)


@pytest.mark.parametrize(
    "query",
    [
        "select 1",
        "insert into t select cast(a as double) from u",
        "with x as (select 1) insert into t select cast(a as double) from x",
        "create table t as select cast(a as double) from u",
        "select 'cast(a as double)', `cast(a as double)` -- cast(a as double)\n/* cast(a as double) */",
        "select cast(a as date), cast(a as decimal(3, 1)), cast(a as array<double>), try_cast(a as double)",
        "select cast(a as double",
        "select cast + 1",
    ],
)
def test_statements_that_stay(query: str) -> None:
    assert with_tried_casts(query).lower() == query


def boolean(operand: str, name: str = "boolean") -> str:
    return (
        f"(CASE WHEN typeof({operand}) = 'string' THEN try_cast({operand} AS {name}) "
        f"ELSE cast({operand} AS {name}) END)"
    )


def test_casts_inside_of_casts() -> None:
    tried = with_tried_casts("SELECT CAST( concat(cast(a AS boolean), 'as)') AS float ) FROM t")
    inner = f"concat({boolean('a')}, 'as)')"
    assert tried.startswith(f"SELECT (CASE WHEN typeof({inner}) = 'string' THEN try_cast(")
    assert tried.endswith(f"ELSE cast({inner} AS float) END) FROM t")
    assert with_tried_casts(f"select {'cast(' * 12}a{' as double)' * 12}").count("cast(") == 12


@pytest.mark.parametrize(
    ("query", "tried"),
    [
        ("select boolean(a) b", f"select {boolean('a')} b"),
        ("select a::boolean, 1", f"select {boolean('a')}, 1"),
        ("select t.`a b` :: bool", f"select {boolean('t.`a b`', 'bool')}"),
        ("select (a or b)::boolean", f"select {boolean('(a or b)')}"),
        ("select(a or b)::boolean", f"select{boolean('(a or b)')}"),
        ("select x + lower( trim(a) )::boolean", f"select x + {boolean('lower( trim(a) )')}"),
        ("select 'x''::boolean", "select 'x''::boolean"),
        ("select a::boolean::boolean", f"select {boolean(boolean('a'))}"),
        ("select -1.5::boolean", f"select -{boolean('1.5')}"),
        ("select m['a']::boolean, doc:a::boolean, a::int", "select m['a']::boolean, doc:a::boolean, a::int"),
        ("select boolean from t where x.boolean(1)", "select boolean from t where x.boolean(1)"),
    ],
)
def test_other_ways_to_cast(query: str, tried: str) -> None:
    assert with_tried_casts(query) == tried


@pytest.mark.parametrize(
    ("pattern", "by", "text", "wanted"),
    [
        (NUMBER, r"\1", "\t1.5d ", "1.5"),
        (NUMBER, r"\1", "-.5E-3F", "-.5E-3"),
        (NUMBER, r"\1", "7.", "7."),
        (NUMBER, r"\1", "1.5.2", "1.5.2"),
        (NUMBER, r"\1", "Infinity", "Infinity"),
        (NUMBER, r"\1", "0x1F", "0x1F"),
        (WHOLE, r"\1", " -12.9 ", "-12"),
        (WHOLE, r"\1", "1e2", "1e2"),
        (FRACTION, "0", "-.9", "0"),
        (FRACTION, "0", "1.9", "1.9"),
    ],
)
def test_numbers_as_java_reads_them(pattern: str, by: str, text: str, wanted: str) -> None:
    assert re.sub(pattern, by, text) == wanted
