"""The command `dbflow`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from databricks_local.execution.environment import without_proxy_here
from rich.table import Table

from dbflow.command_errors import FAILED, one_line_errors
from dbflow.interrupts import Interrupts
from dbflow.job.commands import job_app, plan
from dbflow.local.environment import (
    command_environment,
    names_of_other_servers,
    replace_environment,
)
from dbflow.output import console, output
from dbflow.sweep import sweep

if TYPE_CHECKING:
    from databricks_local.access.oauth import ClientCredentials

    from dbflow.local.stack import LocalStack

EngineChoice = Annotated[
    Literal["sail", "spark"] | None,
    typer.Option(
        help="What runs Spark: Sail, or Apache Spark, installed at its first use. "
        "[default: what the stack is up with, else sail]"
    ),
]
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_SIGN_IN = (
    "In a browser, the Prefect UI asks for PREFECT_API_AUTH_STRING and the workspace for DATABRICKS_TOKEN: "
    "`dbflow env` prints both."
)
app.add_typer(job_app, name="job")
app.command()(plan)
app.command()(sweep)


@app.callback()
def reach_this_machine_directly() -> None:
    """Run Databricks notebooks from Prefect, on your workspace or whole on this machine."""
    os.environ.update(without_proxy_here(os.environ))


@app.command()
def run(
    country: Annotated[
        list[str] | None, typer.Option(help="A country or region; again for more. [default: Switzerland]")
    ] = None,
    all_countries: Annotated[bool, typer.Option("--all-countries", help="Every country and region.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of CSV files (Entity, Code, Year, a share each) instead of ours."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for shw.png and shw.csv.")] = Path("output"),
    keep: Annotated[bool, typer.Option("--keep", help="Leave the local stack up afterwards.")] = False,
    engine: EngineChoice = None,
) -> None:
    """Run the renewable analysis on the local stack, from CSV files to a chart."""
    from dbflow.run import RunOptions, run_on_stack
    from dbflow.terminal import StepBars, print_summary

    interrupts = Interrupts()
    with one_line_errors(), interrupts.noticing():
        options = RunOptions(country or ["Switzerland"], all_countries, data, out)
        options.check()
        from dbflow.local.stack import LocalStack

        stack = LocalStack()
        with StepBars(console).showing() as bars:
            result = run_on_stack(options, stack, bars, interrupts, keep=keep, engine=engine)
        print_summary(console, result)
        if not all(service.state == "healthy" for service in stack.status()):
            console.print("[dim]The stack has stopped; `dbflow up` opens these pages again.")


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", help="Return when it is up, and leave it up.")] = False,
    engine: EngineChoice = None,
) -> None:
    """Start the local stack: PostgreSQL, S3 storage, Databricks workspace, Prefect server."""
    from dbflow.run import prepare, start, using_prefect
    from dbflow.terminal import StepBars

    interrupts = Interrupts()
    with one_line_errors(), interrupts.noticing():
        from dbflow.local.stack import LocalStack

        stack = LocalStack()
        try:
            with StepBars(console).showing() as bars:
                endpoints = start(stack, bars.service, engine)
                with using_prefect(endpoints.prefect):
                    prepare(endpoints, stack.root, bars.service)
            if detach:
                stack.keep()
            _print_status(stack)
            console.print(_SIGN_IN)
            if not detach:
                console.print("Ctrl-C stops it.")
                Event().wait()
        finally:
            with interrupts.finishing():
                stack.release()


@app.command()
def status() -> None:
    """Show what of this directory's local stack is up, where, and whether it is healthy."""
    with one_line_errors():
        from dbflow.local.stack import LocalStack

        replace_environment(os.environ, command_environment(os.environ))
        healthy = _print_status(LocalStack())
    raise typer.Exit(0 if healthy else FAILED)


@app.command()
def down() -> None:
    """Stop what this directory's local stack started; its data stays."""
    with one_line_errors():
        from dbflow.local.stack import LocalStack

        stopped = LocalStack().stop()
        console.print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was up.")


@app.command()
def env() -> None:
    """Print what points `prefect` and the tools of each part at the local stack: eval "$(dbflow env)"."""
    with one_line_errors():
        from dbflow.local.stack import LocalStack

        stack = LocalStack()
        exported = {
            **stack.environment(),
            **stack.endpoints().variables(),
            **without_proxy_here(os.environ),
        }
        if others := names_of_other_servers(os.environ, exported):
            output.write(f"unset {' '.join(others)}\n")
        for name, value in exported.items():
            output.write(f"export {name}={shlex.quote(value)}\n")


@app.command()
def blocks(
    names: Annotated[
        list[str] | None, typer.Argument(help="database, staging or workspace. [default: all three]")
    ] = None,
) -> None:
    """Save the blocks that the environment and .env describe, those that a real call shows to work."""
    with one_line_errors():
        from databricks_blocks.setup.register import register_and_print

        works = register_and_print(names or ())
    raise typer.Exit(0 if works else FAILED)


@app.command()
def workspace(
    token: Annotated[
        str, typer.Option(envvar="DBFLOW_WORKSPACE_TOKEN", help="The token that clients must send.")
    ],
    root: Annotated[Path, typer.Option(help="Folder that holds notebooks and files.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8080,
    tls: Annotated[bool, typer.Option("--tls", help="Serve https; the CA is ROOT/tls/ca.pem.")] = False,
    client_id: Annotated[
        str, typer.Option(envvar="DBFLOW_WORKSPACE_CLIENT_ID", help="Service principal that gets tokens.")
    ] = "",
    client_secret: Annotated[
        str, typer.Option(envvar="DBFLOW_WORKSPACE_CLIENT_SECRET", help="Its secret.")
    ] = "",
    repair_one_time_runs: Annotated[
        Literal["accept", "refuse"],
        typer.Option(help="Whether runs/repair takes a run made by runs/submit, which is not known."),
    ] = "refuse",
    repair_visible_after: Annotated[
        float, typer.Option(min=0, help="Seconds for which a repaired run still looks terminal.")
    ] = 0,
    repairs: Annotated[
        Literal["limited", "unlimited"],
        typer.Option(help="Whether runs/repair keeps to max_concurrent_runs, which is not known."),
    ] = "unlimited",
    cluster_start_seconds: Annotated[
        float, typer.Option(min=0, help="Seconds that a cluster takes to start, as it would in the cloud.")
    ] = 0,
    warehouse_start_seconds: Annotated[
        float, typer.Option(min=0, help="Seconds that a SQL warehouse takes to start.")
    ] = 0,
    log_delivery_seconds: Annotated[
        float, typer.Option(min=0.1, help="How often the logs of a cluster go to its cluster_log_conf.")
    ] = 300,
    mount_namespaces: Annotated[
        Literal["auto", "off"],
        typer.Option(help="Whether tasks see /dbfs, /Volumes and /Workspace as directories."),
    ] = "auto",
    engine: Annotated[
        Literal["sail", "spark"],
        typer.Option(help="What runs Spark: Sail, or Apache Spark, installed at its first use."),
    ] = "sail",
    spark_spare: Annotated[
        Literal["auto", "off"],
        typer.Option(
            help="Whether a spare server of Apache Spark waits for the next cluster, where --engine is spark "
            "and memory allows."
        ),
    ] = "auto",
    spark_remote: Annotated[
        str,
        typer.Option(metavar="URL", help="Spark Connect server of all clusters, as sc://host:15002."),
    ] = "",
) -> None:
    """Serve a local Databricks workspace alone, in the foreground."""
    with one_line_errors():
        from dbflow.local.packages import package_directory

        package_directory("pysail", "pysail")
        from databricks_local.execution.cluster import Machine
        from databricks_local.runs.launcher import Options
        from databricks_local.server.serve import Access, serve

        options = Options(repair_one_time_runs == "accept", repair_visible_after, repairs == "limited")
        machine = Machine(
            cluster_start_seconds,
            mount_namespaces == "auto",
            spark_remote,
            log_delivery_seconds,
            engine,
            warehouse_start_seconds,
            spark_spare=spark_spare == "auto",
        )
        access = Access(tls, _service_principal(client_id, client_secret))
        serve(host, port, token, root, access, options, machine)


def main() -> None:
    """Entry point of the command."""
    app()


def _service_principal(client_id: str, client_secret: str) -> ClientCredentials | None:
    from databricks_local.access.oauth import ClientCredentials

    if bool(client_id) != bool(client_secret):
        raise typer.BadParameter("--client-id and --client-secret belong together.")
    return ClientCredentials(client_id, client_secret) if client_secret else None


def _print_status(stack: LocalStack) -> bool:
    table = Table(box=None, pad_edge=False)
    for heading in ("service", "state", "where", "pid"):
        table.add_column(heading)
    services = stack.status()
    for service in services:
        colour = "green" if service.state == "healthy" else "red" if service.state == "died" else "yellow"
        table.add_row(service.name, f"[{colour}]{service.state}", service.url, str(service.pid or ""))
    console.print(table)
    return all(service.state == "healthy" for service in services)
