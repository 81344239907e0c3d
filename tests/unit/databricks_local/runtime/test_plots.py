"""Plots in the output of a cell."""

import base64
import warnings

import pytest
from databricks_local.runtime import run_notebook
from databricks_local.runtime.outputs import Output

HEADER = "# Databricks notebook source\nimport matplotlib.pyplot as plt\n"
SPLIT = "\n# COMMAND ----------\n\n"
PNG = b"\x89PNG\r\n"


def outputs_of(*cells: str) -> list[list[Output]]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run_notebook(HEADER + SPLIT.join(cells), {}, None)
    assert result.error == "", result.error_trace
    return [cell.outputs for cell in result.cells]


def kinds(outputs: list[Output]) -> list[str]:
    return [output.kind for output in outputs]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("plt.plot([1, 2]);\n", ["image"]),
        ("plt.plot([1, 2])\nplt.show()\n", ["image"]),
        ("print('first')\nfigure, axes = plt.subplots()\naxes.plot([1]);\n", ["stdout", "image"]),
        ("figure, axes = plt.subplots()\ndisplay(figure)\nprint('after')\n", ["image", "stdout"]),
        ("display(plt.subplots()[1])\n", ["image"]),
        ("plt.figure(); plt.figure();\n", ["image", "image"]),
        ("figure = plt.figure(); plt.close(figure)\n", []),
        ("display('no figure')\n", ["text"]),
    ],
)
def test_figures_are_images(cell: str, expected: list[str]) -> None:
    (outputs,) = outputs_of(cell)
    assert kinds(outputs) == expected
    for output in outputs:
        if output.kind == "image":
            assert base64.b64decode(output.text).startswith(PNG)


def test_a_figure_is_shown_once() -> None:
    first, second = outputs_of("plt.plot([1, 2]);\n", "x = 1\n")
    assert (kinds(first), kinds(second)) == (["image"], [])


def test_a_figure_of_a_cell_that_fails_is_shown() -> None:
    result = run_notebook(HEADER + "plt.plot([1])\nraise ValueError('no')\n", {}, None)
    assert kinds(result.cells[0].outputs) == ["image"]
    assert result.error == "ValueError: no"


def test_an_image_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("databricks_local.runtime.plots.MAX_IMAGE_BYTES", 100)
    (outputs,) = outputs_of("plt.plot([1, 2]);\n")
    assert [(output.kind, output.truncated) for output in outputs] == [("text", True)]
