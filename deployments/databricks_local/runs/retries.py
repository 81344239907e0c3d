"""Whether a failed attempt is followed by another, and when. Pure."""

from databricks_local.jobs.specs import RetrySpec
from databricks_local.runs.states import LifeCycle, Result, State

UNLIMITED = -1
LEAST_PAUSE_SECONDS = 1.0
"""Between attempts without end: the real one's cluster takes its time, here the processor would burn."""


def seconds_until_retry(
    retry: RetrySpec, state: State, attempts: int, millis_since_start: int
) -> float | None:
    """Decide after an attempt.

    Args:
        retry: The task's settings.
        state: How the attempt ended.
        attempts: How many there were in this run or in this repair of it. A repair has all retries again.
        millis_since_start: How long ago the attempt started.

    Returns:
        How long to wait for the next attempt, or None if there is none.
    """
    # Docs, max_retries: unsuccessful is FAILED or INTERNAL_ERROR; -1 is without end.
    failed = state.result is Result.FAILED or state.life_cycle is LifeCycle.INTERNAL_ERROR
    timed_out = state.result is Result.TIMEDOUT and retry.on_timeout
    if not (failed or timed_out):
        return None
    if retry.max_retries != UNLIMITED and attempts > retry.max_retries:
        return None
    # Docs, min_retry_interval_millis: from the *start* of the failed attempt to the next one.
    pause = max(retry.min_interval_millis - millis_since_start, 0) / 1000
    return max(pause, LEAST_PAUSE_SECONDS) if retry.max_retries == UNLIMITED else pause
