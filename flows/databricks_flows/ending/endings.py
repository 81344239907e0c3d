"""How a flow run ends when it does not succeed. The ending decides what stays for a retry."""

from __future__ import annotations

from enum import StrEnum

from prefect.exceptions import CancelledRun


class CancelledInPrefect(Exception):
    """Raised in place of what was going on when its flow run was cancelled."""


class Ending(StrEnum):
    """How a flow run ended.

    Attributes:
        FAILED: It came to its end by an error. Tables and files stay for a retry.
        CANCELLED: Somebody wanted it to end, or nobody will retry it. The Databricks run is cancelled, and
            tables and files are removed.
        CRASHED: Its process was told to end. The Databricks run, tables and files stay for a retry.
    """

    FAILED = "failed"
    CANCELLED = "cancelled"
    CRASHED = "crashed"


def ending_of(error: BaseException, *, terminated: bool, deployed: bool, cancel_requested: bool) -> Ending:
    """Decide how a flow run ended.

    Args:
        error: The error that ended it.
        terminated: Whether its process was told to end by SIGTERM or SIGHUP.
        deployed: Whether it is the run of a deployment. Nobody retries what a person started by hand.
        cancel_requested: Whether somebody cancelled it in Prefect.

    Returns:
        The ending.

    Examples:
        >>> ending_of(ValueError(), terminated=False, deployed=True, cancel_requested=False)
        <Ending.FAILED: 'failed'>
        >>> ending_of(KeyboardInterrupt(), terminated=False, deployed=True, cancel_requested=False)
        <Ending.CANCELLED: 'cancelled'>
    """
    if isinstance(error, CancelledInPrefect | CancelledRun):
        return Ending.CANCELLED
    if isinstance(error, Exception):
        return Ending.FAILED
    if terminated and deployed and not cancel_requested:
        return Ending.CRASHED
    return Ending.CANCELLED
