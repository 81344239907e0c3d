"""Async flows and tasks that sync ones can call as well; runs of flows are not mixed up in a retry."""

from __future__ import annotations

import asyncio
import copy
import inspect
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from databricks_blocks.run.launchers import fingerprint
from prefect import Flow, Task
from prefect.context import FlowRunContext, TaskRunContext

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class SyncCallableFlow(Flow[Parameters, Result]):
    """An async flow that runs to its end when a sync flow calls it.

    A sync flow that calls an ordinary async flow gets a coroutine that it cannot await: nothing runs, and the
    sync flow still ends `Completed`. Outside of flows, a call gives a coroutine as usual:
    `asyncio.run(flow())`.

    A flow that is started again after its process was killed takes up the subflow runs that had not ended.
    Prefect finds them by the name of the function and by position, which under concurrency may be that of
    another call: its flow run would then show the parameters of one call and the run of another. So each call
    names the function after what it asks for.
    """

    asks_by = ("job", "workspace", "job_parameters", "key", "pipes")
    """The parameters that say what a call asks for."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the flow. Inside a sync flow, this waits for its end and gives the result."""
        return awaited_if_sync(Flow.__call__(self._named_after(*args, **kwargs), *args, **kwargs))

    def _named_after(self, *args: Any, **kwargs: Any) -> SyncCallableFlow[Parameters, Result]:
        """Copy the flow with its function named after what these arguments ask for."""
        function = self.fn
        if not isinstance(function, FunctionType):
            return self
        options = {name: kwargs[name] for name in kwargs if name not in ("return_state", "wait_for")}
        given = inspect.signature(function).bind_partial(*args, **options).arguments
        asked = {name: given[name] for name in self.asks_by if name in given}
        named = FunctionType(
            function.__code__,
            function.__globals__,
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        named.__kwdefaults__ = function.__kwdefaults__
        named.__annotations__ = function.__annotations__
        named.__doc__ = function.__doc__
        named.__module__ = function.__module__
        named.__qualname__ = f"{function.__qualname__}_{fingerprint(self.serialize_parameters(asked))[:12]}"
        copied = copy.copy(self)
        copied.fn = named
        return copied

    def with_options(self, **options: Any) -> Flow[Parameters, Result]:
        """Copy the flow with other options. The copy is of this class, too, not a plain `Flow`."""
        changed = super().with_options(**options)
        changed.__class__ = type(self)
        return changed


class SyncCallableTask(Task[Parameters, Result]):
    """An async task that runs to its end when a sync flow calls it: see `SyncCallableFlow`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the task. Inside a sync flow or task, this waits for its end and gives the result."""
        return awaited_if_sync(Task.__call__(self, *args, **kwargs))

    def with_options(self, **options: Any) -> Task[Parameters, Result]:
        """Copy the task with other options. The copy is of this class, too, not a plain `Task`."""
        changed = super().with_options(**options)
        changed.__class__ = type(self)
        return changed


def awaited_if_sync(result: Any) -> Any:
    """Run a coroutine to its end where nobody can await it: in a sync flow or task."""
    in_a_run = FlowRunContext.get() is not None or TaskRunContext.get() is not None
    if inspect.iscoroutine(result) and in_a_run and not _in_event_loop():
        return asyncio.run(result)
    return result


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
