"""Decides whether and when to retry a failed attempt. Pure."""

from databricks_local.jobs.specs import RetrySpec
from databricks_local.runs.states import LifeCycle, Result, State

UNLIMITED = -1
LEAST_PAUSE_SECONDS = 1.0
"""The least pause between unlimited retries, which would keep the processor busy otherwise."""


def seconds_until_retry(
    retry: RetrySpec, state: State, attempts: int, millis_since_start: int
) -> float | None:
    """Decide after an attempt.

    Args:
        retry: The task's settings.
        state: How the attempt ended.
        attempts: The attempts so far in this run or repair. A repair has all retries again.
        millis_since_start: How long ago the attempt started.

    Returns:
        Seconds until the next attempt; None if there is none.
    """
    # Docs, max_retries: unsuccessful means FAILED or INTERNAL_ERROR; -1 means without limit.
    failed = state.result is Result.FAILED or state.life_cycle is LifeCycle.INTERNAL_ERROR
    timed_out = state.result is Result.TIMEDOUT and retry.on_timeout
    if not (failed or timed_out):
        return None
    if retry.max_retries != UNLIMITED and attempts > retry.max_retries:
        return None
    # Docs, min_retry_interval_millis: from the *start* of the failed attempt to the next one.
    pause = max(retry.min_interval_millis - millis_since_start, 0) / 1000
    return max(pause, LEAST_PAUSE_SECONDS) if retry.max_retries == UNLIMITED else pause
