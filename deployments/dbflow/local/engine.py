"""What runs Spark in the workspace of the stack."""

from __future__ import annotations

import os
from collections.abc import Callable

from databricks_local.execution.engines.installation import SparkInstallationError, ensure_spark
from databricks_local.jobs.engines import SAIL, SPARK

from dbflow.local.errors import StackError


def engine_to_use(wanted: str | None, running: str | None) -> str:
    """The engine of a stack that is started, or used by one more command.

    Args:
        wanted: What the command asks for; None takes what is there.
        running: What the workspace that is up runs; None if none is up.

    Raises:
        StackError: If the workspace is up with another one: its runs would be lost.

    Example:
        >>> engine_to_use(None, "spark"), engine_to_use(None, None)
        ('spark', 'sail')
    """
    if running is None:
        return wanted or SAIL
    if wanted not in (None, running):
        raise StackError(
            f"the local stack is up with the engine {running}: end it with `dbflow down`, "
            f"then start it with --engine {wanted}"
        )
    return running


def install_engine(wanted: str | None, progress: Callable[[str, str], None]) -> None:
    """Install Apache Spark if it is asked for and not there.

    Raises:
        StackError: If it cannot be installed.
    """
    if wanted == SPARK:
        try:
            ensure_spark(os.environ, lambda line: progress("databricks", line))
        except SparkInstallationError as error:
            raise StackError(str(error)) from error


def refuse_without_tables(engine: str | None) -> None:
    """Refuse Apache Spark, whose clusters have no table in common in the local workspace.

    Raises:
        StackError: It is Apache Spark.
    """
    if engine == SPARK:
        raise StackError(
            "its notebooks share tables, which clusters with Apache Spark do not here: "
            "end the local stack with `dbflow down` if it is up, and leave --engine spark out"
        )
