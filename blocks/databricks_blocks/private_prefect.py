"""Everything private of Prefect that the project uses; a test fails by name when Prefect changes it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextvars import Token
from functools import partial
from threading import Event
from typing import Any, TypeVar, cast
from uuid import UUID

from prefect._internal.compatibility.async_dispatch import async_dispatch
from prefect._internal.control_listener import get_intent
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import ContextModel, FlowRunContext, TaskRunContext
from prefect.states import Running

__all__ = [
    "async_dispatch",
    "contexts_around",
    "hand_over_sigterm",
    "is_cancel_announced",
    "is_task_runner_ending",
    "log_at",
    "show_state",
    "synchronous",
]

Result = TypeVar("Result")
Context = TypeVar("Context", bound=ContextModel)


def synchronous(method: Callable[..., Result]) -> Callable[..., Result]:
    """Make the variant of a method of a block that blocks, such as `load` and `save`.

    Without it, the same call gives a coroutine when any async code is around it.
    """
    return cast("Callable[..., Result]", partial(method, _sync=True))


def contexts_around(kind: type[Context]) -> Iterator[Context]:
    """Find the contexts of a kind around the code that calls, in this process, the innermost first.

    Prefect's own `get` knows only the innermost one.

    Args:
        kind: `FlowRunContext` or `TaskRunContext`.
    """
    context = kind.get()
    while context is not None:
        yield context
        before = context._token.old_value if context._token else None
        context = None if before is Token.MISSING else cast("Context | None", before)


def hand_over_sigterm(before: Any, after: Any) -> None:
    """Let Prefect take another handler of SIGTERM for its own.

    Before a runner sends SIGTERM for a cancel, it tells the process by another channel that it is one.
    Prefect answers that only while its own handler is in place. Without an answer, the cancel counts as a
    crash, and the flow run passes through `Crashed` before it is `Cancelled`.

    Args:
        before: The handler that was in place. If it is not Prefect's, this does nothing.
        after: The handler that takes its place, and calls it in the end.
    """
    from prefect.utilities import engine

    if getattr(engine, "_prefect_sigterm_handler", None) is before:
        vars(engine)["_prefect_sigterm_handler"] = after


def is_cancel_announced() -> bool:
    """Whether the runner of this process has told it that the SIGTERM to come is a cancel."""
    return get_intent() == "cancel"


def is_task_runner_ending() -> bool:
    """Whether the flow around this code ends, and with it the thread of the task that this code runs in.

    No signal arrives in such a thread, and Prefect waits for its end. This is how Prefect tells it.
    """
    tasks = [context.task_run.id for context in contexts_around(TaskRunContext)]
    for context in contexts_around(FlowRunContext):
        told: dict[UUID, Event] = getattr(context.task_runner, "_cancel_events", {})
        if any(event.is_set() for task_id in tasks if (event := told.get(task_id))):
            return True
    return False


def show_state(task_run: TaskRun, name: str, message: str) -> None:
    """Let the Prefect UI show another name for a task run that is running.

    Args:
        task_run: The task run of the task that calls.
        name: Name of the state, such as `Queued`.
        message: Message of the state.
    """
    from prefect.utilities.engine import emit_task_run_state_change_event

    state: State[Any] = Running(name=name, message=message)
    state.state_details.task_run_id = task_run.id
    state.state_details.flow_run_id = task_run.flow_run_id
    changed = task_run.model_copy(
        update={"state": state, "state_id": state.id, "state_type": state.type, "state_name": state.name}
    )
    emit_task_run_state_change_event(changed, initial_state=task_run.state, validated_state=state)


def log_at(logger: Any, level: str, message: str, seconds: float, *, name: str = "") -> None:
    """Log a line as of another time.

    Args:
        logger: The run logger of a flow or task run.
        level: Name of the level.
        message: The line.
        seconds: Epoch seconds; 0 for now.
        name: Name of the logger that the line is of; empty: the run logger.
    """
    number = logging.getLevelNamesMapping()[level]
    record = logger.logger.makeRecord(
        name or logger.logger.name,
        number,
        __file__,
        0,
        message,
        (),
        None,
        sys._getframe().f_code.co_name,
        logger.extra,
    )
    if seconds:
        record.created = seconds
    logger.logger.handle(record)
