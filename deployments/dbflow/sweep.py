"""`dbflow sweep`: remove what flow runs left behind, or tell what would be removed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dbflow.command_errors import FAILED, one_line_errors
from dbflow.interrupts import Interrupts
from dbflow.output import console

if TYPE_CHECKING:
    from databricks_flows.sweep.act import Swept

_COLOURS = {"left": "dim", "not configured": "dim", "failed": "red"}


def sweep(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    out: Annotated[
        list[Path] | None,
        typer.Option(help="Output folder of the analysis; again for more. [default: output]"),
    ] = None,
    keep_after_failure: Annotated[
        float,
        typer.Option(min=0, metavar="HOURS", help="How long leftovers of a failed run are kept for a retry."),
    ] = 24,
    cancelling_minutes: Annotated[
        float,
        typer.Option(min=0, metavar="MINUTES", help="How long a run may be Cancelling before it is ended."),
    ] = 10,
    database: Annotated[str, typer.Option(metavar="BLOCK", help="SQLAlchemy Connector.")] = "database",
    bucket: Annotated[str, typer.Option(metavar="BLOCK", help="Storage of the staged files.")] = "staging",
    workspace: Annotated[str, typer.Option(metavar="BLOCK", help="Databricks Workspace.")] = "workspace",
) -> None:
    """Remove what flow runs left behind, and end what nobody else can end.

    It asks the Prefect server that you have configured (PREFECT_API_URL or a profile), else that of the local
    stack of this directory. Exit codes: 1 something could not be done, 2 there is no Prefect server.
    """
    from dbflow.prefect_api import prefect_api
    from dbflow.run import send_what_is_queued

    interrupts = Interrupts()
    with one_line_errors(), prefect_api(), interrupts.noticing():
        _require_server()
        from databricks_flows.sweep.flow import summary, sweep_leftovers

        try:
            rows = interrupts.run(
                sweep_leftovers(
                    database=database,
                    bucket=bucket,
                    workspace=workspace,
                    output_directories=[str(folder) for folder in out or [Path("output")]],
                    keep_after_failure=keep_after_failure,
                    cancelling_minutes=cancelling_minutes,
                    dry_run=dry_run,
                )
            )
        finally:
            send_what_is_queued()
        if rows:
            console.print(_table(rows), highlight=False)
        console.print(summary(rows), highlight=False)
    raise typer.Exit(FAILED if any(row.done == "failed" for row in rows) else 0)


def _require_server() -> None:
    """Refuse to sweep with a temporary server, which knows no flow run.

    Raises:
        StackError: No server is configured, and no local stack is up.
    """
    from prefect.settings import PREFECT_API_URL

    from dbflow.local.errors import StackError

    if not PREFECT_API_URL.value():
        raise StackError(
            "there is no Prefect server that knows your flow runs: set PREFECT_API_URL, or start the local "
            "stack with `dbflow up`"
        )


def _table(rows: list[Swept]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "name", "done", "why"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        colour = _COLOURS.get(row.done, "green")
        table.add_row(row.what, escape(row.name), f"[{colour}]{row.done}", escape(row.why))
    return table
