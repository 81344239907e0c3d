"""A spare server of Apache Spark, started ahead: the next cluster that it fits does not wait for Java."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from databricks_local.execution.engines.choice import spare_spec
from databricks_local.execution.engines.memory import SparkMemory
from databricks_local.execution.engines.servers import Server
from databricks_local.execution.remote_spark import spark_address
from databricks_local.jobs.specs import ClusterSpec

ANSWER_SECONDS = 5.0
"""How long a spare server may take to answer. A cluster starts its own otherwise, which takes as long."""

_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
"""How a client of HTTP/2 begins, and an empty frame of settings."""

_LOG = logging.getLogger("databricks_local")


class SpareStarter(Protocol):
    """Starts and ends spare servers."""

    async def start_spare(self, name: str, spec: ClusterSpec) -> Server:
        """Start one; if that fails or is cancelled, nothing of it is left once it is forgotten."""

    async def stop(self, server: Server) -> None:
        """End one, and remove what it leaves."""

    async def forget(self, name: str) -> None:
        """Remove what one leaves that did not come up."""


@dataclass(frozen=True)
class _Spare:
    name: str
    spec: ClusterSpec
    starting: "asyncio.Task[Server]"


class SpareServer:
    """At most one server that waits for a cluster. Used from the event loop only.

    It is begun once a cluster is up that it would have fitted, and no other one is starting: so it takes
    nothing from the start of a cluster.
    """

    def __init__(
        self,
        servers: SpareStarter,
        memory: SparkMemory,
        answers: Callable[[str], Awaitable[bool]],
        *,
        enabled: bool,
    ) -> None:
        """Set up.

        Args:
            servers: Starts and ends it.
            memory: What it may take.
            answers: Whether a server answers at a URL: `answers_at`.
            enabled: Whether there ever is one.
        """
        self._servers = servers
        self._memory = memory
        self._answers = answers
        self._enabled = enabled
        self._spare: _Spare | None = None
        self._last: ClusterSpec | None = None
        self._started = 0
        self._clusters_starting = 0
        self._ending: set[asyncio.Task[None]] = set()

    async def server_for(self, spec: ClusterSpec, start: Callable[[], Awaitable[Server]]) -> Server:
        """The server of a cluster: the spare one if it fits, else one that is started for it.

        Args:
            spec: The cluster.
            start: Starts a server of its own.
        """
        fitting = spare_spec(spec) if self._enabled else None
        self._clusters_starting += 1
        try:
            server = await self._take(fitting)
            if server is None:
                await self._make_room(spec)
                server = await start()
        finally:
            self._clusters_starting -= 1
        if fitting is not None:
            self._begin(fitting)
        return server

    async def close(self) -> None:
        """End the spare server, also one that is still starting. Afterwards there is none any more."""
        self._enabled = False
        if self._spare is not None:
            self._end(self._spare)
        while self._ending:
            await asyncio.wait(self._ending)

    async def _take(self, fitting: ClusterSpec | None) -> Server | None:
        spare = self._spare
        if spare is None or spare.spec != fitting:
            return None
        # Before anything is awaited: no other cluster may take it, too.
        self._spare = None
        try:
            await asyncio.wait({spare.starting})
            if spare.starting.exception() is None and await self._is_alive(spare.starting.result()):
                self._memory.give_spare(spare.name)
                _LOG.info("spare server %s is taken", spare.name)
                return spare.starting.result()
        except asyncio.CancelledError:
            self._end(spare)
            raise
        await asyncio.wait({self._end(spare)})
        return None

    async def _is_alive(self, server: Server) -> bool:
        # Java that was killed may be dying for a while, and listen.
        return not server.gone.done() and await self._answers(server.remote) and not server.gone.done()

    async def _make_room(self, spec: ClusterSpec) -> None:
        if self._spare is not None and self._memory.is_short(spec):
            _LOG.info("spare server %s ends: a cluster needs the memory", self._spare.name)
            await asyncio.wait({self._end(self._spare)})

    def _begin(self, fitting: ClusterSpec) -> None:
        """Begin to start one, unless one is there, or it would be in the way."""
        again, self._last = fitting == self._last, fitting
        if self._clusters_starting or not self._enabled:
            return
        if self._spare is not None:
            # Clusters of both ANSI modes in turn do not replace it each time.
            if self._spare.spec == fitting or not again:
                return
            self._end(self._spare)
        self._started += 1
        name = f"spare-{self._started}"
        if self._memory.hold_spare(name):
            self._spare = _Spare(name, fitting, asyncio.create_task(self._start(name, fitting)))
            self._spare.starting.add_done_callback(lambda starting: self._report(name, starting))

    async def _start(self, name: str, spec: ClusterSpec) -> Server:
        server = await self._servers.start_spare(name, spec)
        _LOG.info("spare server %s waits for a cluster", name)
        server.gone.add_done_callback(lambda _: self._lost(name, "is lost"))
        return server

    def _report(self, name: str, starting: "asyncio.Task[Server]") -> None:
        if not starting.cancelled() and starting.exception() is not None:
            self._lost(name, f"could not be started: {starting.exception()!r}")

    def _lost(self, name: str, how: str) -> None:
        if self._spare is not None and self._spare.name == name:
            _LOG.warning("spare server %s %s", name, how)
            self._end(self._spare)

    def _end(self, spare: _Spare) -> "asyncio.Task[None]":
        """End one in the background. Nobody gets it any more."""
        if self._spare is spare:
            self._spare = None
        ending = asyncio.create_task(self._bring_down(spare))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        return ending

    async def _bring_down(self, spare: _Spare) -> None:
        spare.starting.cancel()
        await asyncio.wait({spare.starting})
        if not spare.starting.cancelled() and spare.starting.exception() is None:
            await self._servers.stop(spare.starting.result())
        else:
            await self._servers.forget(spare.name)
        self._memory.give_spare(spare.name)


async def answers_at(remote: str) -> bool:
    """Whether a Spark Connect server answers: its process is there, listens, and does something."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(*spark_address(remote))
            with closing(writer):
                writer.write(_HELLO)
                return bool(await reader.read(1))
    except OSError:
        return False
