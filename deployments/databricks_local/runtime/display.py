"""`display`: what a notebook shows of a value, at once or as it comes."""

import sys
import threading
import uuid
from collections.abc import Callable
from typing import Any

from databricks_local.runtime import plots
from databricks_local.runtime.outputs import MAX_TABLE_ROWS, Output, displayed, table_of

FIRST_ROWS_SECONDS = 5.0
"""How long `display` of a stream waits for the first rows; the stream itself goes on."""


class Display:
    """The functions `display` and `displayHTML` of a notebook."""

    def __init__(self, show: Callable[[Output], object]) -> None:
        """Set up.

        Args:
            show: Adds output to the cell that runs.
        """
        self._show = show

    def display(self, *values: Any, **_: Any) -> None:
        """Show values; without any, the current figure, as on Databricks."""
        if not values:
            for image in plots.take_open_figures():
                self._show(image)
        # What follows the first value are settings of old forms, such as `display(df, True)`.
        for value in values[:1]:
            self._display(value)

    def html(self, html: str) -> None:
        """Show a piece of HTML."""
        self._show(Output("html", text=str(html)))

    def _display(self, value: Any) -> None:
        figure = plots.figure_of(value)
        if figure is not None:
            self._show(plots.image_of(figure))
            plots.close(figure)
        elif getattr(value, "isStreaming", False) is True:
            self._show(_beginning_of(value))
        elif isinstance(value, list | tuple) and value and all(map(_is_row, value)):
            self._show(table_of(value[0].__fields__, value))
        else:
            self._show(displayed(value))


def _is_row(value: object) -> bool:
    return isinstance(value, tuple) and hasattr(value, "__fields__")


def offer_on_frames(display: Callable[[Any], None]) -> None:
    """Give data frames of Spark the method `display`, as the runtime does."""

    def show(self: Any, *_: Any, **__: Any) -> None:
        display(self)

    for module in ("pyspark.sql.connect.dataframe", "pyspark.sql.dataframe"):
        frame = getattr(sys.modules.get(module), "DataFrame", None)
        if frame is not None:
            frame.display = show


def _beginning_of(stream: Any) -> Output:
    """What has come of a stream. Its query goes on in the background, as long as the notebook runs."""
    from pyspark.errors import PySparkException

    name = f"display_query_{uuid.uuid4().hex[:8]}"
    refused: list[PySparkException] = []
    # The rows of an aggregation may change, so that Spark does not append them.
    for mode in ("append", "complete"):
        try:
            query = stream.writeStream.format("memory").queryName(name).outputMode(mode).start()
        except PySparkException as error:
            refused.append(error)
        else:
            query.awaitTermination(FIRST_ROWS_SECONDS)
            return displayed(stream.sparkSession.table(name))
    # Sail has no memory sink. Its errors have no condition, unlike those of Apache Spark.
    if refused[0].getCondition() is None:
        return _first_rows(stream)
    raise refused[0]


def _first_rows(stream: Any) -> Output:
    """The rows of a stream, as an engine without the memory sink gives them out."""
    rows: list[Any] = []
    errors: list[BaseException] = []

    def read() -> None:
        try:
            for row in stream.limit(MAX_TABLE_ROWS + 1).toLocalIterator():
                rows.append(row)  # noqa: PERF402 - as they come: the notebook shows what is there
        except Exception as error:  # noqa: BLE001 - raised where the stream is shown
            errors.append(error)

    reader = threading.Thread(target=read, name="display-stream", daemon=True)
    reader.start()
    reader.join(FIRST_ROWS_SECONDS)
    if errors:
        raise errors[0]
    return table_of(stream.columns, list(rows))
