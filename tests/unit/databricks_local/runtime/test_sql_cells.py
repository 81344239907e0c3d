"""What a notebook does with SQL before Spark gets it."""

from typing import ClassVar

import pytest
from databricks_local.runtime import run_notebook
from databricks_local.runtime.magics.sql import (
    WidgetStatement,
    bound_parameters,
    replaced,
    widget_statement,
)
from databricks_local.runtime.sail.statements import setting_of
from databricks_local.runtime.source import split_statements

WIDGETS = {
    "a": "1",
    "land": "o'hare",
    "int": "x",
    "empty": "",
    "price": "${a} $a",
    "call": "getArgument('a')",
}


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("SELECT :a", ["a"]),
        ("SELECT * FROM IDENTIFIER(:a) WHERE x=:land", ["a", "land"]),
        ("SELECT ':a', \":land\", `:a` -- :a\n/* :a */", []),
        ("SELECT /* :a /* :a */ ' :a */ :land", ["land"]),
        ("SELECT x::int, doc:a, doc:a.land", []),
        ("SELECT :unknown", []),
        ("SELECT (:a)", ["a"]),
    ],
)
def test_widgets_that_are_bound(statement: str, names: list[str]) -> None:
    assert bound_parameters(statement, WIDGETS) == {name: WIDGETS[name] for name in names}


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("SELECT * FROM ${a}.t", "SELECT * FROM 1.t"),
        ("SELECT '$a', \"${a}\"", "SELECT '1', \"1\""),
        ("SELECT getArgument('land')", "SELECT 'o\\'hare'"),
        ('SELECT GETARGUMENT( "a" )', "SELECT '1'"),
        # What the value of a widget looks like does not matter.
        ("SELECT getArgument('price'), '$price'", "SELECT '${a} $a', '${a} $a'"),
        ('SELECT "${call}"', "SELECT \"getArgument('a')\""),
        ("SELECT getArgument('empty')", "SELECT ''"),
        ("SELECT ${my.conf}, $other, ${other}", "SELECT set, $other, ${other}"),
        ("SELECT regexp_replace(x, '^a$', '')", "SELECT regexp_replace(x, '^a$', '')"),
    ],
)
def test_widgets_that_are_replaced(statement: str, text: str) -> None:
    assert replaced(statement, WIDGETS.get, {"my.conf": "set"}.get) == text


@pytest.mark.parametrize(
    ("statement", "widget"),
    [
        ("CREATE WIDGET TEXT a DEFAULT ''", WidgetStatement("text", "a")),
        ('create widget text `my a` default "it\\"s"', WidgetStatement("text", "my a", 'it"s')),
        (
            "CREATE WIDGET DROPDOWN b DEFAULT 'x' CHOICES SELECT 'x'\nUNION SELECT 'y'",
            WidgetStatement("dropdown", "b", "x", "SELECT 'x'\nUNION SELECT 'y'"),
        ),
        ("-- why\nREMOVE WIDGET a", WidgetStatement("remove", "a")),
        ("REMOVE WIDGET a", WidgetStatement("remove", "a")),
        ("CREATE TABLE widget (a INT)", None),
        ("SELECT 'CREATE WIDGET TEXT a DEFAULT 1'", None),
    ],
)
def test_statements_about_widgets(statement: str, widget: WidgetStatement | None) -> None:
    assert widget_statement(statement) == widget


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("SELECT 1; -- the end", ["SELECT 1"]),
        ("SELECT 1;\n/* the\nend */\n", ["SELECT 1"]),
        ("-- first\nSELECT 1 -- why\n;", ["-- first\nSELECT 1 -- why"]),
        ("-- nothing", []),
        ("SELECT -1; SELECT 4 / 2", ["SELECT -1", "SELECT 4 / 2"]),
    ],
)
def test_comments_alone_are_no_statements(text: str, statements: list[str]) -> None:
    assert split_statements(text) == statements


@pytest.mark.parametrize(
    ("statement", "setting"),
    [
        ("SET spark.sql.ansi.enabled=true", ("spark.sql.ansi.enabled", "true")),
        ("set my.list = a, b ;", ("my.list", "a, b")),
        ("SET TIME ZONE 'UTC'", ("spark.sql.session.timeZone", "UTC")),
        ("-- why\nset timezone = 'Asia/Tokyo';", ("spark.sql.session.timeZone", "Asia/Tokyo")),
        ("SET ANSI_MODE = false", ("spark.sql.ansi.enabled", "false")),
        # Databricks has no such setting.
        ("SET x = 1", None),
        ("SET VAR x = 1", None),
        ("SET spark.sql.ansi.enabled", None),
    ],
)
def test_settings(statement: str, setting: tuple[str, str] | None) -> None:
    assert setting_of(statement) == setting


class Lands:
    """A session that knows two lands."""

    conf: ClassVar = {}
    table = None

    def sql(self, statement: str) -> "Lands":
        assert statement == "SELECT land FROM lands"
        return self

    def collect(self) -> list[tuple[str]]:
        return [("us",), ("uk",)]


@pytest.mark.parametrize(
    ("default", "error"),
    [("us", ""), ("de", "ValueError: The default value 'de' of widget land is not among its choices.")],
)
def test_the_choices_of_a_widget_are_asked_for_and_hold(default: str, error: str) -> None:
    statement = f"CREATE WIDGET DROPDOWN land DEFAULT '{default}' CHOICES SELECT land FROM lands"
    source = f"# Databricks notebook source\n# MAGIC %sql\n# MAGIC {statement}"
    assert run_notebook(source, {}, Lands()).error == error
