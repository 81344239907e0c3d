"""Reads the messages of the process of a task, and answers its calls."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from databricks_local.execution.children import send
from databricks_local.execution.processes import Child
from databricks_local.runtime.dbutils.calls import OnCall, WorkspaceCallError
from databricks_local.runtime.outputs import CellResult

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskResult:
    """How a notebook or program ended, as its process reported it. `logs` is only for programs."""

    exit_value: str | None
    exit_truncated: bool
    error: str
    error_trace: str
    logs: str = ""
    logs_truncated: bool = False


async def follow(
    child: Child,
    lost: "asyncio.Future[None]",
    on_ready: Callable[[], None],
    on_cell: Callable[[CellResult], None],
    on_call: OnCall,
) -> TaskResult | None:
    """Read the messages of a task's process up to its result; None if it or its cluster died before that.

    Args:
        child: The process.
        lost: Done when the cluster died.
        on_ready: Called when the work begins.
        on_cell: Called with each cell that ran.
        on_call: Answers what the process asks for.
    """
    calls: set[asyncio.Task[None]] = set()
    try:
        while True:
            content = await _next_message(child, lost)
            if content is None:
                return None
            if "ready" in content:
                on_ready()
            elif "cell" in content:
                on_cell(CellResult.from_dict(content["cell"]))
            elif "call" in content:
                call = asyncio.create_task(_answer(child, content, on_call))
                calls.add(call)
                call.add_done_callback(calls.discard)
            else:
                return TaskResult(
                    content["result"], content["truncated"], content["error"], content["error_trace"]
                )
    finally:
        for call in tuple(calls):
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def _next_message(child: Child, lost: "asyncio.Future[None]") -> dict[str, Any] | None:
    """The next message of a task's process; None if it or its cluster died."""
    message = asyncio.ensure_future(child.messages.get())
    try:
        waited: list[asyncio.Future[Any]] = [message, lost]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not message.done():
            message.cancel()
    return message.result() if message.done() and not message.cancelled() else None


async def _answer(child: Child, content: dict[str, Any], on_call: OnCall) -> None:
    try:
        answer = {"answer": await on_call(content["call"], content["arguments"])}
    except WorkspaceCallError as error:
        answer = {"refusal": str(error)}
    try:
        async with child.sending:
            # In a thread: a process that does not read must not block the server.
            await asyncio.to_thread(send, child.connection, {"number": content["number"], **answer})
    except OSError as error:
        _LOG.debug("process %s is gone before its answer: %r", child.pid, error)
