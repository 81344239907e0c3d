"""A running warehouse: its Spark server, its process, and the statements that it executes."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from databricks_local.execution.children import send
from databricks_local.execution.cluster import Cluster
from databricks_local.execution.processes import Child
from databricks_local.runtime.warehouse.orders import Outcome, StatementOrder

CANCEL_SECONDS = 5
"""How long a cancelled statement may take to end before it counts as cancelled without that."""


class WarehouseLostError(Exception):
    """Raised when a warehouse ended while it executed a statement."""


@dataclass
class Awaited:
    """A statement that is executed: who is told that it began, and how it ends."""

    on_begin: Callable[[], None]
    ended: "asyncio.Future[Outcome]"


class Warehouse:
    """A running warehouse. Used from the event loop only."""

    def __init__(self, cluster: Cluster, child: Child, token: str) -> None:
        """Set up.

        Args:
            cluster: Its Spark server.
            child: Its process.
            token: The token of its process.
        """
        self.cluster = cluster
        self.child = child
        self.token = token
        self._awaited: dict[str, Awaited] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self.lost = asyncio.create_task(self._follow())

    async def execute(self, order: StatementOrder, on_begin: Callable[[], None]) -> Outcome:
        """Execute a statement.

        Raises:
            WarehouseLostError: If the warehouse ends before it does.
        """
        ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._awaited[order.statement_id] = Awaited(on_begin, ended)
        try:
            await self._send(order.as_message())
            waited: list[asyncio.Future[Any]] = [ended, self.lost]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                raise WarehouseLostError
            return ended.result()
        finally:
            self._awaited.pop(order.statement_id, None)

    def executes(self, statement_id: str) -> bool:
        """Whether a statement is executed here."""
        return statement_id in self._awaited

    def cancel(self, statement_id: str) -> None:
        """Interrupt a statement. It ends soon, whether or not the engine answers."""
        awaited = self._awaited[statement_id]

        def give_up() -> None:
            if not awaited.ended.done():
                awaited.ended.set_result(Outcome("CANCELED"))

        asyncio.get_running_loop().call_later(CANCEL_SECONDS, give_up)
        sending = asyncio.create_task(self._send({"cancel": statement_id}))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def close_session(self, session_id: str) -> None:
        """End a session."""
        await self._send({"close": session_id})

    async def _send(self, message: dict[str, Any]) -> None:
        async with self.child.sending:
            # The process may be gone: that shows when its messages end.
            with contextlib.suppress(OSError):
                # In a thread: a process that does not read must not block the server.
                await asyncio.to_thread(send, self.child.connection, message)

    async def _follow(self) -> None:
        """Read the messages of the process; returns when it or the Spark server is gone."""
        reading = asyncio.create_task(self._read())
        waited: list[asyncio.Future[Any]] = [reading, self.cluster.lost]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        reading.cancel()

    async def _read(self) -> None:
        while (message := await self.child.messages.get()) is not None:
            awaited = self._awaited.get(message.get("began", message.get("ended", "")))
            if awaited is None or awaited.ended.done():
                continue
            if "began" in message:
                awaited.on_begin()
            else:
                awaited.ended.set_result(Outcome(**message["outcome"]))
