"""The life of a spare server, with servers that a test plays."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from databricks_local.execution.cluster import ClusterError
from databricks_local.execution.engines import memory, spare
from databricks_local.execution.engines.memory import SPARE_MIB, SparkMemory
from databricks_local.execution.engines.servers import Server
from databricks_local.execution.engines.spare import SpareServer, answers_at
from databricks_local.jobs.specs import ClusterSpec

OLD, NEW = ClusterSpec("15.4.x-scala2.12"), ClusterSpec("17.3.x-scala2.13")
OWN = ClusterSpec("15.4.x-scala2.12", {"spark.driver.memory": "2g"})
CLUSTER_MIB = 1_408


class Stage:
    """Servers that come up when they are let to, and what became of them."""

    def __init__(self, free: int = 100_000) -> None:
        self.up: dict[str, Server] = {}
        self.begun: list[str] = []
        self.forgotten: list[str] = []
        self.deaf: set[str] = set()
        self.spares_come_up = asyncio.Event()
        self.spares_come_up.set()
        self.failing: Exception | None = None
        self.memory = SparkMemory(lambda _: CLUSTER_MIB, lambda: free)
        self.spare = SpareServer(self, self.memory, self.answers, enabled=True)
        self.clusters = 0

    async def start_spare(self, name: str, spec: ClusterSpec) -> Server:
        self.begun.append(name)
        await self.spares_come_up.wait()
        if self.failing is not None:
            raise self.failing
        return self.comes_up(name)

    async def stop(self, server: Server) -> None:
        self.dies(server.name)
        await server.gone
        await self.forget(server.name)

    async def forget(self, name: str) -> None:
        self.forgotten.append(name)

    async def answers(self, remote: str) -> bool:
        return remote not in self.deaf

    def comes_up(self, name: str) -> Server:
        played: Any = SimpleNamespace(end=asyncio.Event())
        self.up[name] = Server(name, played, name, asyncio.create_task(played.end.wait()))
        return self.up[name]

    def dies(self, name: str) -> None:
        played: Any = self.up.pop(name).child
        played.end.set()

    async def cluster(self, spec: ClusterSpec = OLD) -> str:
        """Start a cluster; the name of its server."""

        async def start() -> Server:
            self.clusters += 1
            name = f"own-{self.clusters}"
            await asyncio.sleep(0)
            return self.comes_up(name)

        return (await self.spare.server_for(spec, start)).name


def play(scenario: Callable[[Stage], Awaitable[None]], **stage: Any) -> None:
    async def within_time() -> None:
        await asyncio.wait_for(scenario(Stage(**stage)), 10)

    asyncio.run(within_time())


async def settle() -> None:
    """Let everything happen that waits for nothing."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_each_cluster_finds_the_spare_server_that_began_with_the_one_before() -> None:
    async def scenario(stage: Stage) -> None:
        names = []
        for _ in range(3):
            names.append(await stage.cluster())
            await settle()
        assert names == ["own-1", "spare-1", "spare-2"]
        assert set(stage.up) == {"own-1", "spare-1", "spare-2", "spare-3"}

    play(scenario)


def test_a_cluster_takes_a_spare_server_that_still_starts_and_nobody_else_does() -> None:
    async def scenario(stage: Stage) -> None:
        stage.spares_come_up.clear()
        assert await stage.cluster() == "own-1"
        second, third = asyncio.create_task(stage.cluster()), asyncio.create_task(stage.cluster())
        await settle()
        assert (second.done(), await third) == (False, "own-2")
        stage.spares_come_up.set()
        assert await second == "spare-1"

    play(scenario)


def test_none_begins_while_clusters_start() -> None:
    async def scenario(stage: Stage) -> None:
        assert await asyncio.gather(*(stage.cluster() for _ in range(3))) == ["own-1", "own-2", "own-3"]
        await settle()
        assert stage.begun == ["spare-1"]

    play(scenario)


def test_a_cluster_with_settings_of_its_own_has_its_own_server_and_begins_no_spare_one() -> None:
    async def scenario(stage: Stage) -> None:
        assert await stage.cluster(OWN) == "own-1"
        await settle()
        assert stage.begun == []
        await stage.cluster()
        assert await stage.cluster(OWN) == "own-3"
        assert await stage.cluster() == "spare-1"

    play(scenario)


def test_the_mode_of_a_spare_server_follows_the_clusters_but_not_each_one() -> None:
    async def scenario(stage: Stage) -> None:
        names = []
        for spec in (OLD, NEW, OLD, NEW, NEW, NEW):
            names.append(await stage.cluster(spec))
            await settle()
        assert names == ["own-1", "own-2", "spare-1", "own-3", "own-4", "spare-3"]
        assert stage.forgotten == ["spare-2"]

    play(scenario)


def test_one_that_died_is_not_handed_out_and_leaves_nothing() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.cluster()
        await settle()
        gone = stage.up["spare-1"].gone
        stage.dies("spare-1")
        stage.up["spare-1"] = Server("spare-1", SimpleNamespace(end=asyncio.Event()), "", gone)  # type: ignore[arg-type]
        await settle()
        assert stage.forgotten == ["spare-1"]
        assert await stage.cluster() == "own-2"
        await settle()
        assert await stage.cluster() == "spare-2"

    play(scenario)


def test_one_whose_java_has_just_died_is_not_handed_out() -> None:
    """Its process lives for another moment."""

    async def scenario(stage: Stage) -> None:
        await stage.cluster()
        await settle()
        stage.deaf.add("spare-1")
        assert await stage.cluster() == "own-2"
        assert "spare-1" not in stage.up

    play(scenario)


@pytest.mark.parametrize("waiting", [True, False])
def test_a_cluster_whose_spare_server_does_not_come_up_starts_its_own(waiting: bool) -> None:
    async def scenario(stage: Stage) -> None:
        stage.failing = ClusterError("no")
        stage.spares_come_up.clear()
        await stage.cluster()
        await settle()
        if not waiting:
            stage.spares_come_up.set()
            await settle()
            assert stage.forgotten == ["spare-1"]
        second = asyncio.create_task(stage.cluster())
        await settle()
        stage.spares_come_up.set()
        assert await second == "own-2"
        stage.failing = None
        await settle()
        assert stage.forgotten[0] == "spare-1"

    play(scenario)


def test_a_cluster_that_is_not_wanted_any_more_ends_the_spare_server_that_it_waits_for() -> None:
    async def scenario(stage: Stage) -> None:
        stage.spares_come_up.clear()
        await stage.cluster()
        second = asyncio.create_task(stage.cluster())
        await settle()
        second.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await second
        await settle()
        assert stage.forgotten == ["spare-1"]
        stage.spares_come_up.set()
        assert await stage.cluster() == "own-2"

    play(scenario)


@pytest.mark.parametrize("starting", [True, False])
def test_the_end_of_the_workspace_is_the_end_of_the_spare_server(starting: bool) -> None:
    async def scenario(stage: Stage) -> None:
        if starting:
            stage.spares_come_up.clear()
        await stage.cluster()
        await settle()
        await stage.spare.close()
        assert stage.forgotten == ["spare-1"]
        assert set(stage.up) == {"own-1"}
        await stage.cluster()
        await settle()
        assert stage.begun == ["spare-1"]

    play(scenario)


def test_none_begins_without_memory_for_it() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.memory.take("a", OLD, 1, brief=True)
        await stage.cluster()
        await settle()
        assert stage.begun == []
        stage.memory.give("a")
        await stage.cluster()
        await settle()
        assert len(stage.begun) == 1

    play(scenario, free=int((CLUSTER_MIB + SPARE_MIB) / memory.SHARE) - 1)


def test_one_makes_room_for_a_cluster_that_cannot_take_it() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.cluster()
        await settle()
        assert "spare-1" in stage.up
        await stage.memory.take("a", OLD, 1, brief=True)
        assert await stage.cluster(OWN) == "own-2"
        assert stage.forgotten == ["spare-1"]

    play(scenario, free=int(CLUSTER_MIB / memory.SHARE) - SPARE_MIB + 10)


def test_one_that_fits_is_taken_although_memory_is_short() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.cluster()
        await settle()
        await stage.memory.take("a", OLD, 1, brief=True)
        assert await stage.cluster() == "spare-1"
        await settle()
        assert stage.begun == ["spare-1"]

    play(scenario, free=int(CLUSTER_MIB / memory.SHARE) - SPARE_MIB + 10)


@pytest.mark.parametrize("alive", [True, False])
def test_a_server_that_only_listens_does_not_answer(monkeypatch: pytest.MonkeyPatch, alive: bool) -> None:
    monkeypatch.setattr(spare, "ANSWER_SECONDS", 5 if alive else 0.1)

    async def scenario() -> None:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(bytes(9))
            writer.close()

        with socket.create_server(("127.0.0.1", 0)) as listener:
            remote = f"sc://127.0.0.1:{listener.getsockname()[1]}"
            if not alive:
                assert not await answers_at(remote)
                return
            async with await asyncio.start_server(greet, sock=listener):
                assert await answers_at(remote)
        assert not await answers_at(remote)

    asyncio.run(scenario())
