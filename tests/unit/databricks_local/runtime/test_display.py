"""What `display` shows, and the values at the end of cells."""

from typing import Any
from unittest.mock import MagicMock

import pytest
from databricks_local.runtime import run_notebook

HEADER = "# Databricks notebook source\n"
PNG = b"\x89PNG"


def outputs(source: str) -> list[tuple[str, str]]:
    result = run_notebook(HEADER + source, {}, None, "/Shared/book")
    assert result.error == "", result.error_trace
    return [(output.kind, output.text) for output in result.cells[0].outputs]


@pytest.mark.parametrize(
    ("methods", "shown"),
    [
        ({"_repr_html_": "'<b>x</b>'"}, ("html", "<b>x</b>")),
        ({"_repr_html_": "None", "_repr_svg_": "'<svg/>'"}, ("html", "<svg/>")),
        ({"_repr_png_": "b'png'"}, ("image", "cG5n")),
        ({"_repr_html_": "'<b>x</b>'", "_repr_png_": "b'png'"}, ("html", "<b>x</b>")),
        ({"_repr_html_": "None", "__str__": "'plain'"}, ("text", "plain")),
    ],
)
@pytest.mark.parametrize("ending", ["display(Shape())", "Shape()"])
def test_objects_show_themselves(methods: dict[str, str], shown: tuple[str, str], ending: str) -> None:
    body = "".join(f"    def {name}(self):\n        return {value}\n" for name, value in methods.items())
    assert outputs(f"class Shape:\n{body}{ending}") == [shown]


def test_a_data_frame_of_spark_at_the_end_of_a_cell_is_not_computed() -> None:
    source = (
        "class Frame:\n    def collect(self):\n        raise AssertionError\n"
        "    def _repr_html_(self):\n        raise AssertionError\n"
        "    def __repr__(self):\n        return 'DataFrame[id: bigint]'\nFrame()"
    )
    assert outputs(source) == [("text", "DataFrame[id: bigint]")]


def test_without_arguments_the_current_figure_is_shown() -> None:
    source = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\ndisplay()\nprint('after')"
    assert [kind for kind, _ in outputs(source)] == ["image", "stdout"]
    assert outputs("display()") == []


def test_rows_are_a_table() -> None:
    source = "from pyspark.sql import Row\ndisplay([Row(a=1, b=None), Row(a=2, b='x')])"
    result = run_notebook(HEADER + source, {}, None)
    (table,) = result.cells[0].outputs
    assert (table.columns, table.rows) == (["a", "b"], [["1", None], ["2", "x"]])


class Stream:
    """A stream of an engine without the memory sink."""

    columns = ("n",)

    def __init__(self, error: BaseException | None = None) -> None:
        self.isStreaming = True
        self.error = error

    @property
    def writeStream(self) -> Any:  # noqa: N802
        from pyspark.errors import AnalysisException

        raise AnalysisException("No data source found for: memory")

    def limit(self, _: int) -> "Stream":
        return self

    def toLocalIterator(self) -> Any:  # noqa: N802
        yield (1,)
        if self.error is not None:
            raise self.error


def test_what_has_come_of_a_stream_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from databricks_local.runtime import display

    shown: list[Any] = []
    display.Display(shown.append).display(Stream())
    assert shown[0].rows == [["1"]]
    with pytest.raises(ValueError, match="no"):
        display.Display(shown.append).display(Stream(ValueError("no")))


class Counted:
    """An aggregated stream of Apache Spark: its table has what was written in the modes that it takes."""

    isStreaming = True  # noqa: N815
    columns = ("n",)

    def __init__(self, *modes: str) -> None:
        self.modes = modes
        self.mode = ""

    @property
    def writeStream(self) -> Any:  # noqa: N802
        writer = MagicMock()
        writer.format.return_value.queryName.return_value.outputMode.side_effect = self.write
        return writer

    def write(self, mode: str) -> Any:
        from pyspark.errors import AnalysisException

        if mode not in self.modes:
            raise AnalysisException(f"no {mode}", errorClass="STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION")
        self.mode = mode
        return MagicMock()

    @property
    def sparkSession(self) -> Any:  # noqa: N802
        session = MagicMock()
        session.table.side_effect = lambda _: [self.mode]
        return session


def test_an_aggregated_stream_is_shown_as_a_whole() -> None:
    from databricks_local.runtime import display

    shown: list[Any] = []
    display.Display(shown.append).display(Counted("complete"))
    assert shown[0].text == "['complete']"


def test_a_stream_that_cannot_be_shown_says_why() -> None:
    from databricks_local.runtime import display
    from pyspark.errors import AnalysisException

    with pytest.raises(AnalysisException, match="no append"):
        display.Display(lambda _: None).display(Counted())
