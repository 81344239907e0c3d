"""Several tables that are not loaded: each is told."""

from __future__ import annotations

from collections.abc import Sequence

from databricks_blocks.csv.faults import InputError
from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.safe_text import one_line
from prefect.exceptions import CancelledRun

from databricks_flows.ending.endings import CancelledInPrefect


class TablesNotLoaded(DatabricksJobError):
    """Raised when several tables are not loaded, for reasons of different kinds; all others are."""


def raise_failures(failures: Sequence[BaseException]) -> None:
    """Raise what is wrong with the tables of a load: one error, whose message names each of them.

    Args:
        failures: The errors of the tables.

    Raises:
        BaseException: The only error; an interruption, if there is one; else one for all.

    Examples:
        >>> raise_failures([])
        >>> raise_failures([InputError("a.csv, line 1: empty"), InputError("b.csv, line 2: 3 fields")])
        Traceback (most recent call last):
        databricks_blocks.csv.faults.InputError: 2 tables: a.csv, line 1: empty; b.csv, line 2: 3 fields
    """
    if not failures:
        return
    for failed in failures:
        if not isinstance(failed, Exception) or isinstance(failed, CancelledInPrefect | CancelledRun):
            raise failed
    if len(failures) == 1:
        raise failures[0]
    told = "; ".join(one_line(str(failed).partition("\n")[0]) for failed in failures)
    message = f"{len(failures)} tables: {told}"
    if all(isinstance(failed, InputError) for failed in failures):
        raise InputError(message)
    raise TablesNotLoaded(message)
