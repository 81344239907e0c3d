"""`dbutils.data`."""

from collections.abc import Callable
from typing import Any

from databricks_local.runtime.dbutils.help import Helpful


class DataUtils(Helpful):
    """`dbutils.data`."""

    def __init__(self) -> None:
        self._show: Callable[[Any], object] = print

    def summarize(self, df: Any, precise: bool = False) -> None:
        """Show the statistics of a data frame of Spark or pandas: count, mean, smallest, largest, quartiles.

        Args:
            df: The data frame.
            precise: Taken, as there; here the statistics are always computed from all rows.
        """
        if hasattr(df, "summary"):
            self._show(df.summary())
        else:
            self._show(df.describe(include="all").rename_axis("summary").reset_index())

    def _show_by(self, show: Callable[[Any], object]) -> None:
        self._show = show
