"""Plots of matplotlib as images, without importing it for notebooks that have none."""

import base64
import io
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from databricks_local.runtime.outputs import Output

MAX_IMAGE_BYTES = 5 * 1024 * 1024
"""Docs: the output of a run is at most 5 MB; a larger image is left out."""


def draw_without_screen() -> None:
    """Make matplotlib draw into memory, without a warning from `show`."""
    os.environ.setdefault("MPLBACKEND", "agg")
    warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive", category=UserWarning)


def figure_of(value: Any) -> Any:
    """The figure of a value, which may be a part of a figure such as axes; None for other values."""
    module = sys.modules.get("matplotlib.figure")
    if module is None:
        return None
    figure = value if isinstance(value, module.FigureBase) else getattr(value, "figure", None)
    return figure if isinstance(figure, module.Figure) else None


def image_of(figure: Any) -> Output:
    """A figure as PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png", bbox_inches="tight")
    if content.tell() > MAX_IMAGE_BYTES:
        return Output("text", text="The plot is larger than 5 MB; it is left out.", truncated=True)
    return Output("image", text=base64.b64encode(content.getvalue()).decode())


def close(figure: Any) -> None:
    """Close a figure that was shown, so that it is not shown again at the end of the cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)


def take_open_figures() -> Iterator[Output]:
    """The figures that a cell left open, which a notebook shows at the end of the cell."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    # A module that is still being imported has nothing open.
    if pyplot is None or not hasattr(pyplot, "get_fignums"):
        return
    for number in pyplot.get_fignums():
        figure = pyplot.figure(number)
        pyplot.close(figure)
        yield image_of(figure)
