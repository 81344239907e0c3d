"""Starts the processes that the server forks, and makes sure that none is left behind."""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, cast

from databricks_local.execution.children import guard_main, kill_group, send
from databricks_local.execution.forking import Forked, Order, kill_unwanted, preload, receive, start_processes


@dataclass
class Child:
    """A forked process. `messages` gets what it sends, and None when it is gone."""

    process: Any
    connection: Connection
    created: float
    messages: "asyncio.Queue[dict[str, Any] | None]" = field(default_factory=asyncio.Queue)
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def pid(self) -> int:
        """The process id, which is that of its group as well."""
        return cast(int, self.process.pid)

    @property
    def identity(self) -> dict[str, Any]:
        """What tells it apart from all other processes, now and later."""
        return {"pid": self.pid, "created": self.created}

    def kill(self) -> None:
        """End it and all that it started, unless it is gone already."""
        kill_group(self.pid, self.created)


class Processes:
    """Forks processes from a warmed interpreter."""

    def __init__(self) -> None:
        # One thread, so that processes start one after the other: multiprocessing is not thread-safe. A
        # daemon, so that the server can end while the first one still waits for the imports.
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        threading.Thread(target=start_processes, args=(self._orders,), daemon=True).start()
        self._guarding: asyncio.Task[Child] | None = None

    async def warm(self) -> None:
        """Start the interpreter that processes are forked from, and wait until it has imported everything."""
        preload()
        await self.guard()

    def close(self) -> None:
        """End what `warm` started, after everything else has ended."""
        if self._guarding is not None and self._guarding.done() and not self._guarding.exception():
            self._guarding.result().kill()

    async def guard(self) -> Child:
        """The process that ends the others when the server is gone; started before them."""
        if self._guarding is None:
            self._guarding = asyncio.create_task(self._fork(guard_main, ()))
        return await asyncio.shield(self._guarding)

    async def start(self, target: Callable[..., None], arguments: tuple[Any, ...]) -> Child:
        """Fork a process that is the leader of its own group."""
        guard = await self.guard()
        child = await self._fork(target, arguments)
        send(guard.connection, child.identity)
        return child

    async def kill(self, child: Child) -> None:
        """End a process and all that it started."""
        child.kill()
        send((await self.guard()).connection, child.identity)

    async def _fork(self, target: Callable[..., None], arguments: tuple[Any, ...]) -> Child:
        start: Future[Forked] = Future()
        self._orders.put((start, target, arguments))
        try:
            process, connection, created = await asyncio.shield(asyncio.wrap_future(start))
        except asyncio.CancelledError:
            start.add_done_callback(kill_unwanted)
            raise
        child = Child(process, connection, created)
        receiver = threading.Thread(
            target=receive,
            args=(connection, process, child.messages, asyncio.get_running_loop()),
            daemon=True,
        )
        receiver.start()
        return child
