"""Retries of the steps of a flow: transient errors are retried, permanent ones are not.

A database or a storage that is away is waited for within a try: see `patience`.
"""

from __future__ import annotations

from typing import Any

import psycopg2
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff


def is_transient(error: object) -> bool:
    """Whether a retry can help: after a deadlock, a full disk, a connection that broke off."""
    from botocore.exceptions import BotoCoreError, ClientError
    from databricks.sdk import errors
    from sqlalchemy.exc import InterfaceError, OperationalError

    lost = (psycopg2.OperationalError, psycopg2.InterfaceError, OperationalError, InterfaceError)
    # The errors of the Databricks SDK are OSErrors, too.
    transient = (*lost, BotoCoreError, ClientError, OSError)
    permanent = (
        FileNotFoundError,
        PermissionError,
        errors.BadRequest,
        errors.NotFound,
        errors.PermissionDenied,
    )
    return isinstance(error, transient) and not isinstance(error, permanent)


def _may_succeed_later(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    return is_transient(state.result(raise_on_failure=False))


# No cache: a step that a retry of the flow runs again has to do its work again.
STEP_OPTIONS: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "retries": 2,
    "retry_delay_seconds": exponential_backoff(backoff_factor=1),
    "retry_condition_fn": _may_succeed_later,
}
