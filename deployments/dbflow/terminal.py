"""What a person sees on the terminal while a command works, and when it has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBars
from rich.table import Table

if TYPE_CHECKING:
    from databricks_blocks.run.results import DatabricksRunResult
    from databricks_flows.renewable.analysis import RenewableAnalysis
    from databricks_flows.renewable.spans import Span
    from databricks_flows.shared.progress import Progress

MOST_ROWS = 10


class StepBars:
    """A bar for each step; where there is no terminal, a line for each step that ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = Lock()
        self._tasks: dict[str, TaskID] = {}
        self._started: dict[str, float] = {}
        self._bars = ProgressBars(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description:<20}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[detail]}", style="dim", markup=False),
            console=console,
            disable=not console.is_terminal,
        )

    @contextmanager
    def showing(self) -> Iterator[StepBars]:
        """Show the bars inside the block."""
        with self._bars:
            yield self

    def show(self, progress: Progress) -> None:
        """Bring the bar of one step up to date."""
        self.update(progress.step, progress.done, progress.total, progress.detail)

    def say(self, line: str) -> None:
        """Print a line, above the bars."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def service(self, name: str, state: str) -> None:
        """Show what a service of the stack is doing."""
        self.update(name, int(state.startswith("ready")), 1, state)

    def update(self, step: str, done: int, total: int, detail: str = "") -> None:
        """Set how far a step is; it may be called from several threads."""
        with self._lock:
            if step not in self._tasks:
                self._tasks[step] = self._bars.add_task(step, total=total, detail=detail)
                self._started[step] = time.monotonic()
            task = self._bars.tasks[self._tasks[step]]
            ended = done >= total and not task.finished
            self._bars.update(task.id, completed=done, total=total, detail=detail)
        if ended and not self._console.is_terminal:
            seconds = time.monotonic() - self._started[step]
            self.say(f"{step:<20} {done}/{total} {seconds:6.1f} s")


def print_summary(console: Console, result: RenewableAnalysis) -> None:
    """Print what came out of an analysis, and where to look at it."""
    console.print("\n[bold green]Completed[/] renewable_analysis", highlight=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    for span in result.spans[:MOST_ROWS]:
        table.add_row(escape(span.entity), *_years(span))
    console.print(table)
    if len(result.spans) > MOST_ROWS:
        console.print(f"… and {len(result.spans) - MOST_ROWS} more in the table", highlight=False)
    seconds = "  ".join(f"{step} {value:.1f}" for step, value in result.seconds.items())
    for label, value in (
        ("chart", nearby(result.chart)),
        ("table", f"{nearby(result.table)} ({result.rows} rows)"),
        ("Prefect run", result.flow_run_url),
        ("Databricks run", result.databricks_run_url),
        ("seconds", seconds),
    ):
        console.print(f"[dim]{label:<15}[/]{escape(value)}", highlight=False, soft_wrap=True)


def print_run(console: Console, name: str, run: DatabricksRunResult) -> None:
    """Print how the tasks of a run ended, and where to look at it."""
    console.print(f"\n[bold green]Completed[/] {escape(name)}", highlight=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("task", "state", "attempts", "seconds", "exit value or outcome"):
        table.add_column(heading)
    for task in run.tasks.values():
        seconds = f"{task.run_seconds:.1f}"
        result = escape(task.exit_value or task.outcome)
        table.add_row(escape(task.task_key), escape(task.state), str(task.attempts), seconds, result)
    console.print(table)
    console.print(f"[dim]Databricks run [/]{escape(run.run_page_url)}", highlight=False, soft_wrap=True)


def _years(span: Span) -> tuple[str, str]:
    if span.first_year is None:
        return ("no year has all three shares", "")
    return (f"{span.first_year}  {span.first_share:.3f} %", f"{span.last_year}  {span.last_share:.3f} %")


def nearby(path: Path) -> str:
    """The path as it is written from the working directory."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
