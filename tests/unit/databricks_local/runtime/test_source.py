import pytest
from databricks_local.runtime.source import (
    Cell,
    NotebookSourceError,
    detect_language,
    jupyter_to_source,
    parse_source,
    split_statements,
)

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
        ("-- a; b\nselect 1; /* c; */ select 2", ["-- a; b\nselect 1", "/* c; */ select 2"]),
        ("select 'open; ", ["select 'open;"]),
        (" \n ", []),
    ],
)
def test_statements(text: str, statements: list[str]) -> None:
    assert split_statements(text) == statements
