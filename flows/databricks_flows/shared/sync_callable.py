"""An async flow that a sync flow can call, too."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, ParamSpec, TypeVar

from prefect import Flow
from prefect.context import FlowRunContext

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class SyncCallableFlow(Flow[Parameters, Result]):
    """An async flow which runs to its end where nobody could await it.

    A sync flow that calls an async flow of Prefect gets a coroutine, goes on, and ends `Completed` although
    nothing ran. Outside of flows it is awaited as ever: `asyncio.run(flow())`.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the flow; inside of a sync flow, wait for it."""
        result = super().__call__(*args, **kwargs)
        if inspect.iscoroutine(result) and FlowRunContext.get() is not None and not _in_event_loop():
            return asyncio.run(result)
        return result

    def with_options(self, **options: Any) -> Flow[Parameters, Result]:
        """Copy the flow with other options."""
        changed = super().with_options(**options)
        changed.__class__ = type(self)
        return changed


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
