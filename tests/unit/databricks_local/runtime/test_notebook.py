import subprocess
import sys
from typing import Any

import pytest
from databricks_local.runtime import run_notebook
from databricks_local.runtime.outputs import MAX_CELL_CHARACTERS, MAX_TABLE_ROWS

HEADER = "# Databricks notebook source\n"
NEXT = "\n\n# COMMAND ----------\n\n"


class Frame:
    """As much of a data frame as `display` asks for."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.columns = ["a", "b"]
        self.rows = rows

    def limit(self, count: int) -> "Frame":
        return Frame(self.rows[:count])

    def collect(self) -> list[tuple[Any, ...]]:
        return self.rows


class Spark:
    """A session that notes the statements it gets."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.table = None

    def sql(self, statement: str) -> Frame:
        self.statements.append(statement)
        return Frame([(1, None)])


def run(source: str, parameters: dict[str, str] | None = None, spark: Any = None) -> Any:
    return run_notebook(HEADER + source, parameters or {}, spark, "/Shared/book")


def test_importing_the_runner_needs_the_standard_library_only() -> None:
    code = (
        "import sys, databricks_local.runtime\n"
        "unwanted = ('fastapi', 'pydantic', 'pyspark', 'psutil', 'pandas')\n"
        "print([name for name in unwanted if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_cells_share_a_namespace_and_show_their_output() -> None:
    seen: list[int] = []
    source = (
        "import sys\nx = 2\nprint('one')\nprint('two', file=sys.stderr)" + NEXT + "x + 1" + NEXT + "x + 1;"
    )
    result = run_notebook(HEADER + source, {}, None, on_cell=lambda cell: seen.append(cell.index))
    assert result.succeeded
    assert seen == [0, 1, 2]
    assert [(output.kind, output.text) for output in result.cells[0].outputs] == [
        ("stdout", "one\n"),
        ("stderr", "two\n"),
    ]
    assert [(output.kind, output.text) for output in result.cells[1].outputs] == [("text", "3")]
    assert result.cells[2].outputs == []


@pytest.mark.parametrize(
    "around",
    ["{}", "try:\n    {}\nexcept Exception:\n    pass", "try:\n    {}\nfinally:\n    print('still')"],
)
def test_exit_ends_the_notebook_at_once(around: str) -> None:
    result = run(around.format("dbutils.notebook.exit('done')") + "\nprint('not reached')" + NEXT + "1 / 0")
    assert (result.exit_value, result.error, result.error_trace) == ("done", "", "")
    assert len(result.cells) == 1
    assert "not reached" not in "".join(output.text for output in result.cells[0].outputs)


def test_a_notebook_without_exit_has_no_value() -> None:
    assert run("x = 1").exit_value is None
    assert run("dbutils.notebook.exit('')").exit_value == ""


def test_a_parameter_wins_over_the_default() -> None:
    source = (
        "dbutils.widgets.text('a', 'default a')\ndbutils.widgets.dropdown('b', 'x', ['x', 'y'], 'label')\n"
        "dbutils.widgets.combobox('c', 'free', ['x'])\ndbutils.widgets.multiselect('d', 'x', ['x', 'y'])\n"
        "values = dbutils.widgets.getAll()\n"
        "assert values == {k: dbutils.widgets.get(k) for k in values}\n"
        "dbutils.notebook.exit(sorted(values.items()))"
    )
    result = run(source, {"b": "y", "e": "undeclared"})
    assert result.error == ""
    assert result.exit_value == str(
        [("a", "default a"), ("b", "y"), ("c", "free"), ("d", "x"), ("e", "undeclared")]
    )


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("dbutils.widgets.get('no')", "InputWidgetNotDefined: No input widget named no is defined"),
        (
            "dbutils.widgets.text('a', '1')\ndbutils.widgets.remove('a')\ndbutils.widgets.get('a')",
            "InputWidgetNotDefined: No input widget named a is defined",
        ),
        (
            "dbutils.widgets.text('a', '1')\ndbutils.widgets.removeAll()\ndbutils.widgets.get('a')",
            "InputWidgetNotDefined: No input widget named a is defined",
        ),
        ("dbutils.fs.ls('/')", "AttributeError: dbutils.fs is not served by the local workspace yet"),
        (
            "dbutils.notebook.run('x', 1)",
            "WorkflowException: dbutils.notebook.run needs a workspace to run the notebook on.",
        ),
        (
            "# MAGIC %pip install x",
            "UnsupportedMagicError: %pip cells are not served by the local workspace yet",
        ),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("raise ValueError", "ValueError"),
        ("raise ValueError('two\\nlines')", "ValueError: two\nlines"),
        ("x = = 1", "SyntaxError: invalid syntax (book, line 2)"),
        (
            "class Odd(Exception):\n    def __str__(self):\n        raise RuntimeError\nraise Odd",
            "Odd: <exception str() failed>",
        ),
    ],
)
def test_errors(source: str, error: str) -> None:
    result = run(source)
    assert result.error == error
    assert result.exit_value is None
    assert result.error_trace


def test_the_trace_has_the_lines_of_the_notebook_and_no_frames_of_the_runner() -> None:
    source = (
        "def f():\n    raise KeyError('x')"
        + NEXT
        + "try:\n    f()\nexcept KeyError as e:\n    raise ValueError('v') from e"
    )
    trace = run(source).error_trace
    assert trace == (
        "Traceback (most recent call last):\n"
        '  File "/Shared/book", line 8, in <module>\n'
        "    f()\n"
        '  File "/Shared/book", line 3, in f\n'
        "    raise KeyError('x')\n"
        "KeyError: 'x'\n"
        "\nThe above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\n"
        '  File "/Shared/book", line 10, in <module>\n'
        "    raise ValueError('v') from e\n"
        "ValueError: v"
    )


def test_a_text_that_is_no_notebook() -> None:
    result = run_notebook("x = 1", {}, None)
    assert result.error.startswith("NotebookSourceError: ")


def test_sql_cells_go_to_spark_and_the_last_answer_is_shown() -> None:
    spark = Spark()
    result = run("# MAGIC %sql\n# MAGIC use x; select ';'" + NEXT + "_sqldf.columns", spark=spark)
    assert spark.statements == ["use x", "select ';'"]
    assert [(output.columns, output.rows) for output in result.cells[0].outputs] == [
        (["a", "b"], [["1", None]])
    ]
    assert result.cells[1].outputs[0].text == "['a', 'b']"


def test_display_keeps_the_first_rows() -> None:
    spark = Spark()
    result = run("display(spark.sql('x').__class__([(i, 0) for i in range(5000)]))", spark=spark)
    table = result.cells[0].outputs[0]
    assert (len(table.rows), table.truncated) == (MAX_TABLE_ROWS, True)


def test_very_much_output_is_cut() -> None:
    result = run("for _ in range(3000):\n    print('x' * 1000)")
    output = result.cells[0].outputs[0]
    assert (len(output.text), output.truncated) == (MAX_CELL_CHARACTERS, True)


def test_bytes_written_in_parts_become_text() -> None:
    source = "import sys\nfor byte in 'é'.encode():\n    sys.stdout.buffer.write(bytes([byte]))"
    assert run(source).cells[0].outputs[0].text == "é"


def test_classes_of_the_notebook_can_be_pickled() -> None:
    source = (
        "import pickle, dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\n"
        "assert pickle.loads(pickle.dumps(P(1))) == P(1)"
    )
    main = sys.modules["__main__"]
    assert run(source).error == ""
    assert sys.modules["__main__"] is main
