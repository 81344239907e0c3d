"""How a step of a flow is repeated: after what passes by itself, and not after what stays."""

from __future__ import annotations

from typing import Any

import psycopg2
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff


def may_pass(error: object) -> bool:
    """Whether an error is one of those that pass: a lost connection, a busy storage, a full disk."""
    from botocore.exceptions import BotoCoreError, ClientError
    from databricks.sdk import errors
    from sqlalchemy.exc import InterfaceError, OperationalError

    lost = (psycopg2.OperationalError, psycopg2.InterfaceError, OperationalError, InterfaceError)
    # What the SDK raises is an OSError, too.
    passing = (*lost, BotoCoreError, ClientError, OSError)
    staying = (
        FileNotFoundError,
        PermissionError,
        errors.BadRequest,
        errors.NotFound,
        errors.PermissionDenied,
    )
    return isinstance(error, passing) and not isinstance(error, staying)


def _may_succeed_later(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    return may_pass(state.result(raise_on_failure=False))


# A step that was done by an attempt before this one must be done again: its tables and files are gone.
STEP_OPTIONS: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "retries": 2,
    "retry_delay_seconds": exponential_backoff(backoff_factor=1),
    "retry_condition_fn": _may_succeed_later,
}
