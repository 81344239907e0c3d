import time

import pytest
from databricks_local.runtime.magics.sql import bound_parameters
from databricks_local.runtime.source import (
    Cell,
    NotebookSourceError,
    detect_language,
    jupyter_to_source,
    opaque_end,
    parse_source,
    split_statements,
)
from hypothesis import given, settings
from hypothesis import strategies as st

HEADER = "# Databricks notebook source\n"


def test_cells_know_their_lines_titles_and_magics() -> None:
    source = (
        HEADER + "# MAGIC %md\n# MAGIC # Title\n# MAGIC\n# MAGIC text\n\n"
        "# COMMAND ----------\n\n# DBTITLE 1,Load it\nx = 1\n\ny = 2\n\n"
        "# COMMAND ----------\n\n# MAGIC %sql select 1\n# MAGIC where true\n\n"
        "# COMMAND ----------\n\n"
        "# COMMAND ----------\n\n# MAGIC %run ./setup $a=1"
    )
    assert parse_source(source) == [
        Cell("md", "# Title\n\ntext", 3),
        Cell("python", "x = 1\n\ny = 2", 10, title="Load it"),
        Cell("sql", "where true", 17, "select 1"),
        Cell("run", "", 24, "./setup $a=1"),
    ]


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        (HEADER, []),
        (HEADER.rstrip(), []),
        ("\ufeff" + HEADER + "x = 1", ["x = 1"]),
        (HEADER.replace("\n", "\r\n") + "x = 1\r\n\r\n# COMMAND ----------\r\ny = 2\r\n", ["x = 1", "y = 2"]),
        (HEADER + "x = '''\n  # COMMAND ----------\n'''", ["x = '''\n  # COMMAND ----------\n'''"]),
        (
            "-- Databricks notebook source\nselect 1\n-- COMMAND ----------\nselect 2",
            ["select 1", "select 2"],
        ),
    ],
)
def test_texts_of_cells(source: str, texts: list[str]) -> None:
    assert [cell.text for cell in parse_source(source)] == texts


@pytest.mark.parametrize(
    "source", ["", "x = 1", "# databricks notebook source\n", " # Databricks notebook source"]
)
def test_no_notebook(source: str) -> None:
    assert detect_language(source) is None
    with pytest.raises(NotebookSourceError):
        parse_source(source)


def test_jupyter() -> None:
    document = (
        '{"cells": [{"cell_type": "markdown", "source": ["# A\\n", "b"]},'
        ' {"cell_type": "code", "source": "%sql\\nselect 1"},'
        ' {"cell_type": "code", "source": ["x = 1\\n", "y"]}]}'
    )
    assert parse_source(jupyter_to_source(document)) == [
        Cell("md", "# A\nb", 3),
        Cell("sql", "select 1", 9),
        Cell("python", "x = 1\ny", 13),
    ]


@pytest.mark.parametrize("document", ["", "{}", "[]", '{"cells": [{}]}', '{"cells": [1]}', '{"cells": 1}'])
def test_no_jupyter(document: str) -> None:
    with pytest.raises(NotebookSourceError):
        jupyter_to_source(document)


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("select 1", ["select 1"]),
        ("select 1;; select 2 ;", ["select 1", "select 2"]),
        ("select ';', \"a;b\", `c;d`; select 2", ["select ';', \"a;b\", `c;d`", "select 2"]),
        ("select 'it\\';s'; x", ["select 'it\\';s'", "x"]),
        ("select 1 /* a; /* b; */ c; */; x", ["select 1 /* a; /* b; */ c; */", "x"]),
        ("-- a; b\nselect 1; /* c; */ select 2", ["-- a; b\nselect 1", "/* c; */ select 2"]),
        ("select 'open; ", ["select 'open;"]),
        (" \n ", []),
    ],
)
def test_statements(text: str, statements: list[str]) -> None:
    assert split_statements(text) == statements


def plain_end(text: str, position: int) -> int:
    """Where quoted text or a comment ends, looked for character by character."""
    if text.startswith("--", position):
        end = text.find("\n", position + 2)
        return len(text) if end < 0 else end + 1
    if text.startswith("/*", position):
        return plain_end_of_comment(text, position)
    quote = text[position]
    if quote not in "'\"`":
        return position
    end = position + 1
    while end < len(text) and text[end] != quote:
        end += 2 if text[end] == "\\" and quote != "`" else 1
    return min(end + 1, len(text))


def plain_end_of_comment(text: str, position: int) -> int:
    depth, end = 1, position + 2
    while end < len(text) and depth:
        sign = {"/*": 1, "*/": -1}.get(text[end : end + 2], 0)
        depth, end = depth + sign, end + (2 if sign else 1)
    return end


@settings(deadline=None)
@given(st.text(alphabet="-/*'\"`\\;\n a:", min_size=1), st.data())
def test_where_quoted_text_ends(text: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(text) - 1))
    assert opaque_end(text, position) == plain_end(text, position)
    statements = split_statements(text)
    assert all(each in text and each.strip() for each in statements)
    # What was split is not split again.
    assert [split_statements(each) for each in statements] == [[each] for each in statements]


def test_megabytes_of_sql_are_split_quickly() -> None:
    rows = ",".join(f"({n}, 'name {n}', DATE'2024-01-01')" for n in range(300_000))
    text = f"INSERT INTO t VALUES {rows}; SELECT ':a', :a; SELECT '{'x' * 5_000_000}'"
    started = time.process_time()
    statements = split_statements(text)
    bound = [bound_parameters(each, {"a": "1"}) for each in statements]
    assert [len(statements), bound] == [3, [{}, {"a": "1"}, {}]]
    # Character by character it were more than ten seconds.
    assert time.process_time() - started < 5
