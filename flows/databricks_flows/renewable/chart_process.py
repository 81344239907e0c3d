"""The process that draws the chart, started before there is anything to draw."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ChartProcess:
    """A process that has imported what it needs and waits for a table to draw."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def draw(self, table_path: Path, chart_path: Path) -> str:
        """Draw one chart, and end.

        Returns:
            The title of the chart.

        Raises:
            RuntimeError: The process failed; the message is the last line it wrote.
        """
        request = json.dumps([str(table_path.resolve()), str(chart_path.resolve())])
        title, errors = self._process.communicate(request)
        if self._process.returncode:
            last_line = errors.strip().rpartition("\n")[2]
            raise RuntimeError(f"The chart could not be drawn: {last_line or self._process.returncode}")
        return title


@contextmanager
def chart_process() -> Iterator[ChartProcess]:
    """Start the process; it ends with the block, and by itself if this process dies."""
    process = subprocess.Popen(
        [sys.executable, "-m", "databricks_flows.renewable.chart"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=Path(__file__).parents[2],  # where this package is, so that no module of the user takes its place
        start_new_session=True,  # Ctrl-C is for the flow, which then ends this
    )
    try:
        yield ChartProcess(process)
    finally:
        process.kill()
        process.communicate()
