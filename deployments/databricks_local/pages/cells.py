"""What a task left behind: the cells of its notebook with their output, its logs, its result, its error."""

from collections.abc import Sequence
from dataclasses import dataclass

from databricks_local.pages.rendering import FRAME_STYLE
from databricks_local.runs.models import TaskRun
from databricks_local.runtime.outputs import CellResult, Output

MAX_ROWS = 200
"""How many rows of a table a page shows."""


@dataclass(frozen=True)
class OutputView:
    """One piece of output.

    Attributes:
        kind: `table`, `image`, `html`, `stdout`, `stderr` or `text`.
        text: The text; of an image, the PNG in base64; of HTML, the whole document for the frame.
        columns: A table's header.
        rows: The rows of a table that are shown.
        notes: What is left out, in sentences.
    """

    kind: str
    text: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | None]]
    notes: list[str]


@dataclass(frozen=True)
class CellView:
    """One cell: what stands above it, its source, and its output."""

    heading: str
    source: str
    outputs: list[OutputView]


@dataclass(frozen=True)
class TaskOutput:
    """All that a task left behind; what it did not leave is empty, or None for the exit value."""

    cells: list[CellView]
    logs: str
    logs_truncated: bool
    exit_value: str | None
    exit_truncated: bool
    error: str

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.cells or self.logs or self.error) and self.exit_value is None


def task_output(task: TaskRun) -> TaskOutput:
    """What a task left behind."""
    return TaskOutput(
        cells=[_cell(cell) for cell in task.cells],
        logs=task.logs,
        logs_truncated=task.logs_truncated,
        exit_value=task.exit_value,
        exit_truncated=task.exit_truncated,
        error=task.error_trace or task.error,
    )


def _cell(cell: CellResult) -> CellView:
    heading = f"Cell {cell.index + 1}, {cell.seconds:.2f} s"
    return CellView(
        heading=f"{cell.title} · {heading}" if cell.title else heading,
        source=cell.source if cell.language == "python" else f"%{cell.language}\n{cell.source}",
        outputs=[_output(output) for output in cell.outputs],
    )


def _output(output: Output) -> OutputView:
    rows = output.rows[:MAX_ROWS]
    notes = []
    if len(rows) < len(output.rows):
        notes.append(f"The first {len(rows)} of {len(output.rows)} rows.")
    if output.truncated:
        notes.append("There was more; it is left out.")
    text = output.text
    if output.kind == "html":
        # A document of its own in a frame without any rights: its scripts do not run.
        text = f"<!doctype html><meta charset=utf-8><style>{FRAME_STYLE}</style>{text}"
    return OutputView(output.kind, text, output.columns, rows, notes)
