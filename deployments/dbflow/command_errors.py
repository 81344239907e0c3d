"""How a command ends when something goes wrong: one line for people, and an exit code."""

from __future__ import annotations

import os
import signal
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.markup import escape

from dbflow.interrupts import Interrupted
from dbflow.output import errors

BAD_INPUT = 2
FAILED = 1


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn errors that the user can fix into one line and an exit code."""
    # None of these imports Prefect, which reads the address of its server once: a command sets it first.
    from databricks_blocks.csv.faults import InputError
    from databricks_blocks.errors import BlockNotFound, DatabricksJobError, InvalidJob, WorkspaceNotConfigured
    from databricks_blocks.setup.settings import SettingsError
    from databricks_blocks.staging.refusals import StorageRefused
    from databricks_flows.tasks.uploads import FilesNotUploaded

    from dbflow.local.errors import ServiceStartError, StackError

    try:
        yield
    except KeyboardInterrupt as interrupt:
        errors.print("Cancelled.")
        interrupted = interrupt if isinstance(interrupt, Interrupted) else Interrupted(signal.SIGINT)
        raise typer.Exit(interrupted.exit_code) from None
    except ServiceStartError as error:
        _print_error(str(error))
        raise typer.Exit(FAILED) from None
    except InvalidJob as error:
        heading, *problems = error.message.splitlines()
        _print_error(
            " ".join([heading, "; ".join(problem.removeprefix("- ") for problem in problems)]).strip()
        )
        raise typer.Exit(BAD_INPUT) from None
    except (InputError, SettingsError, StackError, BlockNotFound, WorkspaceNotConfigured) as error:
        _print_error(str(error))
        raise typer.Exit(BAD_INPUT) from None
    except DatabricksJobError as error:
        _print_error(error.message.partition("\n")[0])
        raise typer.Exit(FAILED) from None
    except (FilesNotUploaded, StorageRefused) as error:
        _print_error(str(error).partition("\n")[0])
        raise typer.Exit(BAD_INPUT if isinstance(error, FilesNotUploaded) else FAILED) from None
    except (typer.Exit, typer.BadParameter):
        raise
    except Exception as error:
        first_line = str(error).strip().partition("\n")[0]
        _print_error(f"{type(error).__name__}: {first_line} ({_write_trace()})")
        raise typer.Exit(FAILED) from error


def _write_trace() -> str:
    """Write the trace of the error being handled to a file of its own, and say where it is."""
    try:
        # A name that nobody can foresee, made anew and readable by its owner only.
        handle, name = tempfile.mkstemp(prefix="dbflow-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(traceback.format_exc())
    except OSError as error:
        return f"its trace could not be written: {error.strerror}"
    return f"all of it: {name}"


def _print_error(message: str) -> None:
    errors.print(f"[bold red]Error:[/] {escape(message)}", highlight=False, soft_wrap=True)
