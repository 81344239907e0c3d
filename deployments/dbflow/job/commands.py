"""The commands about jobs: `dbflow job run` and `dbflow plan`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from databricks_blocks.safe_text import json_text, printable
from rich.markup import escape

from dbflow.command_errors import BAD_INPUT, one_line_errors
from dbflow.interrupts import Interrupts
from dbflow.output import console, errors, output

if TYPE_CHECKING:
    from dbflow.job.file import JobFile

job_app = typer.Typer(no_args_is_help=True, help="Run Databricks jobs through Prefect.")

Launches = Literal["submit", "run_now", "existing_job"]
FileArgument = Annotated[
    Path,
    typer.Argument(
        help="Settings of a saved job as JSON (the answer of jobs/get, or the body of jobs/create), or a "
        "Databricks Asset Bundle: its directory or databricks.yml."
    ),
]
JobOption = Annotated[
    str, typer.Option(help="Name of the job in the bundle; may be left out where there is one.")
]
TargetOption = Annotated[str, typer.Option(help="Target of the bundle. [default: the bundle's own]")]
LaunchOption = Annotated[
    Launches,
    typer.Option(
        help="A one-time run with a cluster for each task; a saved job whose tasks share clusters; or the "
        "job of the file as it is there (needs the answer of jobs/get)."
    ),
]
ParamOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="Value of a job parameter; again for more.")
]
VarOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Value of a variable of the bundle; again for more."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON to the standard output.")]


@job_app.command("run")
def job_run(
    file: FileArgument,
    job: JobOption = "",
    target: TargetOption = "",
    launch: LaunchOption = "submit",
    param: ParamOption = None,
    var: VarOption = None,
    max_repairs: Annotated[int, typer.Option(min=0, help="How often a failed run is repaired.")] = 2,
    workspace: Annotated[
        str,
        typer.Option(
            metavar="BLOCK",
            help="Databricks Workspace block to run in. [default: the workspace of DATABRICKS_HOST and "
            "DATABRICKS_TOKEN, or any other login that the Databricks SDK finds]",
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Run a job of a file, show its progress, repair what fails; exit 0 only if it succeeded.

    The run is recorded in the Prefect server that you have configured (PREFECT_API_URL or a profile), else in
    that of the local stack of this directory if it is up, else in one that lives as long as this command.
    Ctrl-C, SIGTERM and a closed terminal cancel the Databricks run. Exit codes: 1 the run failed, 2 bad
    input, 130 Ctrl-C, 143 SIGTERM, 129 SIGHUP or a closed terminal.
    """
    from databricks_blocks.errors import DatabricksJobError

    from dbflow.job.run import Wishes, read_for_workspace, run_job
    from dbflow.prefect_api import prefect_api
    from dbflow.terminal import StepBars, print_run

    interrupts = Interrupts()
    with one_line_errors(), interrupts.noticing():
        chosen = _job_file(file, job, target, launch, param, var)
        chosen.check()
        with prefect_api():
            specification, notes = read_for_workspace(chosen, workspace)
            _print_notes(notes)
            try:
                with StepBars(errors if as_json else console).showing() as bars:
                    result = run_job(specification, Wishes(workspace, max_repairs), bars, interrupts)
            except DatabricksJobError as error:
                if as_json:
                    _print_json(_error_json(error))
                raise
        if as_json:
            _print_json({**asdict(result), "error": None})
        else:
            print_run(console, specification.name, result)


def plan(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Settings of a saved job as JSON, or a bundle. [default: the job of the renewable analysis]"
        ),
    ] = None,
    job: JobOption = "",
    target: TargetOption = "",
    launch: LaunchOption = "submit",
    param: ParamOption = None,
    var: VarOption = None,
    user: Annotated[
        str, typer.Option(help="Who deployed the bundle: its files are in that home directory.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Tell what launching a job would do: its requests, graph and clusters. No call is made."""
    from databricks_blocks.job.plan import plan as plan_of

    from dbflow.job import plan as job_plan

    with one_line_errors():
        notes: list[str] = []
        if file is not None:
            chosen = _job_file(file, job, target, launch, param, var)
            specification, notes = chosen.read(user or None)
        elif job or target or param or var or user:
            raise typer.BadParameter("--job, --target, --param, --var and --user are for a FILE.")
        else:
            specification = job_plan.renewable_job(launch)
        _print_notes(notes)
        planned = plan_of(specification)
        if as_json:
            _print_json(job_plan.as_json(planned, notes))
        else:
            output.write(printable(job_plan.as_text(planned)) + "\n")
        if planned.problems:
            raise typer.Exit(BAD_INPUT)


def _job_file(
    file: Path, job: str, target: str, launch: Launches, param: list[str] | None, var: list[str] | None
) -> JobFile:
    from dbflow.job.file import JobFile, pairs

    return JobFile(file, job, target, launch, pairs("--param", param or ()), pairs("--var", var or ()))


def _print_notes(notes: list[str]) -> None:
    for note in notes:
        errors.print(f"[yellow]Note:[/] {escape(note)}", highlight=False, soft_wrap=True)


def _error_json(error: Any) -> dict[str, Any]:
    return {
        "error": error.message.partition("\n")[0],
        "kind": type(error).__name__,
        "run_id": error.run_id,
        "run_page_url": error.run_page_url,
    }


def _print_json(value: dict[str, Any]) -> None:
    output.write(json_text(value) + "\n")
