"""In which of three ways a flow run ends; it decides what becomes of what the run made. Pure."""

from __future__ import annotations

from enum import StrEnum


class Ending(StrEnum):
    """The way in which a flow run ends, if it does not succeed.

    Attributes:
        FAILED: An error ended it. What a retry can use is kept.
        CANCELLED: Somebody, or a time-out, ended it on purpose. Everything is removed.
        CRASHED: Its process was ended from outside. Everything stays as it is, for the retry.
    """

    FAILED = "failed"
    CANCELLED = "cancelled"
    CRASHED = "crashed"


def ending_of(error: BaseException, *, terminated: bool, deployed: bool, cancel_requested: bool) -> Ending:
    """Tell how a flow run ends.

    Args:
        error: What the flow run ends with.
        terminated: Whether a signal told the process to end: SIGTERM or SIGHUP.
        deployed: Whether a worker can start the flow run again. A person started the others by hand.
        cancel_requested: Whether somebody asked Prefect to cancel the flow run.

    Examples:
        >>> import asyncio
        >>> from databricks_flows.job.endings import ending_of
        >>> error = asyncio.CancelledError()
        >>> ending_of(error, terminated=True, deployed=True, cancel_requested=False)
        <Ending.CRASHED: 'crashed'>
    """
    if isinstance(error, Exception):
        return Ending.FAILED
    if terminated and deployed and not cancel_requested:
        return Ending.CRASHED
    return Ending.CANCELLED
