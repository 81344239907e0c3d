"""Forks processes from an interpreter with all imports done: the part that runs in threads."""

import asyncio
import logging
import multiprocessing
import queue
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.connection import Connection, wait
from typing import Any, cast

from databricks_local.execution.channel import read_message
from databricks_local.execution.children import created_at, kill_group

_LOG = logging.getLogger(__name__)

PRELOAD = "databricks_local.execution.preload"
CONTEXT = multiprocessing.get_context("forkserver")

Forked = tuple[Any, Connection, float]
"""A process, the line to it, and when it was created."""

Order = tuple[Future[Forked], Callable[..., None], tuple[Any, ...]]
"""A process to start: the future for the result, the function, and its arguments."""


def preload() -> None:
    """Set what the interpreter imports before the first fork."""
    CONTEXT.set_forkserver_preload([PRELOAD])


def _fork(target: Callable[..., None], arguments: tuple[Any, ...]) -> Forked:
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=target, args=(theirs, *arguments), daemon=False)
    process.start()
    theirs.close()
    return process, ours, created_at(cast(int, process.pid))


def start_processes(orders: "queue.SimpleQueue[Order]") -> None:
    """Start processes one after the other; runs in a thread."""
    while True:
        start, target, arguments = orders.get()
        try:
            start.set_result(_fork(target, arguments))
        except (OSError, EOFError) as error:
            start.set_exception(error)


def kill_unwanted(start: "Future[Forked]") -> None:
    """End a process whose starter was cancelled while it was being forked."""
    if not start.cancelled() and start.exception() is None:
        process, connection, created = start.result()
        connection.close()
        kill_group(process.pid, created)


def receive(
    connection: Connection,
    process: Any,
    messages: "asyncio.Queue[dict[str, Any] | None]",
    loop: asyncio.AbstractEventLoop,
) -> None:
    """Pass on what a process sends until it closes the connection or dies; runs in a thread."""

    def hand_over(message: dict[str, Any] | None) -> None:
        loop.call_soon_threadsafe(messages.put_nowait, message)

    try:
        # A grandchild may hold the connection open, so that the end of the process counts, too.
        while connection in wait([connection, process.sentinel]) or connection.poll():
            hand_over(read_message(connection.recv_bytes()))
    except (EOFError, OSError, ValueError) as error:
        _LOG.debug("process %s: %r", process.pid, error)
    finally:
        connection.close()
        if not loop.is_closed():
            hand_over(None)
