"""An async flow that a sync flow can call as well."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, ParamSpec, TypeVar

from prefect import Flow
from prefect.context import FlowRunContext

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class SyncCallableFlow(Flow[Parameters, Result]):
    """An async flow that runs to its end when a sync flow calls it.

    A sync flow that calls an ordinary async flow gets a coroutine that it cannot await: nothing runs, and the
    sync flow still ends `Completed`. Outside of flows, a call gives a coroutine as usual:
    `asyncio.run(flow())`.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the flow. Inside a sync flow, this waits for its end and gives the result."""
        result = super().__call__(*args, **kwargs)
        if inspect.iscoroutine(result) and FlowRunContext.get() is not None and not _in_event_loop():
            return asyncio.run(result)
        return result

    def with_options(self, **options: Any) -> Flow[Parameters, Result]:
        """Copy the flow with other options. The copy is of this class, too, not a plain `Flow`."""
        changed = super().with_options(**options)
        changed.__class__ = type(self)
        return changed


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
