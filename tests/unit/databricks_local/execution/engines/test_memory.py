"""Clusters of Apache Spark start while there is memory for them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from databricks_local.execution.cluster import Machine
from databricks_local.execution.engines import memory
from databricks_local.execution.engines.memory import (
    BESIDES_HEAP_MIB,
    SHARE,
    SPARE_MIB,
    Claim,
    SparkMemory,
    free_mib,
    has_room,
    has_room_for_spare,
    needed_mib,
)
from databricks_local.jobs.engines import SAIL, SPARK
from databricks_local.jobs.specs import ClusterSpec


@pytest.mark.parametrize(
    ("held", "waiting", "room"),
    [
        ([], [], True),
        ([Claim(6, 1, brief=True)], [], True),
        ([Claim(7, 1, brief=True)], [], False),
        # It ends with its run, which goes on.
        ([Claim(7, 1, brief=False)], [], False),
        # The run waits itself: for this cluster, or for another one.
        ([Claim(7, 9, brief=False)], [], True),
        ([Claim(7, 1, brief=False)], [Claim(7, 1, brief=True)], True),
        ([Claim(7, 1, brief=False), Claim(7, 2, brief=False)], [Claim(7, 1, brief=True)], False),
        # It ends with its task, whatever else its run waits for.
        ([Claim(7, 9, brief=True)], [], False),
    ],
)
def test_who_has_room(held: list[Claim], waiting: list[Claim], room: bool) -> None:
    claim = Claim(4, 9, brief=False)
    assert has_room(claim, held, [claim, *waiting], 10) is room


@pytest.mark.parametrize(
    ("spec", "machine", "mib"),
    [
        (ClusterSpec(), Machine(), 0),
        (ClusterSpec(), Machine(engine=SPARK), 1024 + BESIDES_HEAP_MIB),
        (ClusterSpec(engine=SAIL), Machine(engine=SPARK), 0),
        (ClusterSpec(engine=SPARK), Machine(spark_remote="sc://x"), 0),
        (
            ClusterSpec(spark_conf={"spark.driver.memory": "3g"}, engine=SPARK),
            Machine(),
            3072 + BESIDES_HEAP_MIB,
        ),
        (ClusterSpec(spark_conf={"spark.driver.memory": "much"}, engine=SPARK), Machine(), 0),
    ],
)
def test_what_a_cluster_needs(spec: ClusterSpec, machine: Machine, mib: int) -> None:
    assert needed_mib(spec, machine) == mib


def test_the_limit_of_a_container_counts(tmp_path: Path) -> None:
    machine = psutil.virtual_memory().available / 1024**2
    assert free_mib(tmp_path / "none") == pytest.approx(machine, rel=0.5)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text(f"{90 * 1024**2}\n")
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {10 * 1024**2}\n")
    assert free_mib(tmp_path) == pytest.approx(machine, rel=0.5)
    (tmp_path / "memory.max").write_text(f"{100 * 1024**2}\n")
    assert free_mib(tmp_path) == 20


def play(scenario: Callable[[SparkMemory], Awaitable[None]]) -> None:
    """Play it where there is room for two clusters."""

    async def within_time() -> None:
        await asyncio.wait_for(scenario(SparkMemory(lambda _: 4, lambda: 10)), 10)

    asyncio.run(within_time())


async def asking(kept: SparkMemory, *names: str, brief: bool = True) -> "list[asyncio.Task[None]]":
    """Ask for a cluster of each of some runs."""
    tasks = [
        asyncio.create_task(kept.take(name, ClusterSpec(), number, brief=brief))
        for number, name in enumerate(names)
    ]
    await asyncio.wait(tasks, timeout=0.05)
    return tasks


def test_clusters_wait_in_their_order() -> None:
    async def scenario(kept: SparkMemory) -> None:
        first, second, third, fourth = await asking(kept, "a", "b", "c", "d")
        assert [task.done() for task in (first, second, third, fourth)] == [True, True, False, False]
        kept.give("b")
        await third
        assert not fourth.done()
        kept.give("nobody knows it")
        kept.give("a")
        await fourth

    play(scenario)


def test_one_that_gives_up_lets_the_next_begin() -> None:
    async def scenario(kept: SparkMemory) -> None:
        first, _, third, fourth = await asking(kept, "a", "b", "c", "d")
        third.cancel()
        await asyncio.wait({third})
        assert not fourth.done()
        kept.give("a")
        await fourth
        assert first.done()

    play(scenario)


def test_runs_that_wait_for_each_other_go_on() -> None:
    """Each has a cluster until its end, and needs another one."""

    async def scenario(kept: SparkMemory) -> None:
        await asyncio.gather(*await asking(kept, "a", "b", brief=False))
        more = await asking(kept, "a-2", "b-2", brief=False)
        await more[0]

    play(scenario)


def test_nothing_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_WAIT_SECONDS", 0.1)

    async def scenario(kept: SparkMemory) -> None:
        await asyncio.gather(*await asking(kept, "a", "b", "c"))

    play(scenario)


@pytest.mark.parametrize(
    ("taken", "budget", "free", "room"),
    [
        (0, SPARE_MIB, 1_000, True),
        (1, SPARE_MIB, 1_000, False),
        (1_408, 2_000, 1_000, True),
        # All-purpose clusters have taken it.
        (0, 2_000, 300, False),
    ],
)
def test_when_a_spare_server_has_room(taken: int, budget: float, free: int, room: bool) -> None:
    assert has_room_for_spare(taken, budget, free) is room


CLUSTER_MIB = 1_408


def kept_with(clusters: int, spares: int) -> SparkMemory:
    """There is room for so many clusters and spare servers."""
    enough = (clusters * CLUSTER_MIB + spares * SPARE_MIB) / SHARE
    return SparkMemory(lambda spec: 0 if spec.serverless else CLUSTER_MIB, lambda: int(enough) + 1)


def test_no_cluster_waits_for_what_a_spare_server_has() -> None:
    async def scenario() -> None:
        kept = kept_with(1, 0)
        assert kept.hold_spare("spare-1")
        await asyncio.wait_for(kept.take("a", ClusterSpec(), 1, brief=True), 5)
        assert kept.is_short(ClusterSpec())
        kept.give_spare("spare-1")
        assert not kept.is_short(ClusterSpec())

    asyncio.run(scenario())


def test_a_spare_server_is_for_what_clusters_leave() -> None:
    async def scenario() -> None:
        kept = kept_with(2, 1)
        await kept.take("a", ClusterSpec(), 1, brief=True)
        assert kept.hold_spare("spare-1")
        await kept.take("b", ClusterSpec(), 2, brief=True)
        assert not kept.is_short(ClusterSpec())
        kept.give_spare("spare-1")
        waiting = asyncio.create_task(kept.take("c", ClusterSpec(), 3, brief=True))
        await asyncio.wait({waiting}, timeout=0.05)
        assert not kept.hold_spare("spare-2")
        kept.give("a")
        await waiting
        assert kept.hold_spare("spare-2")
        assert not kept.hold_spare("spare-3")

    asyncio.run(scenario())


def test_a_spare_server_that_is_there_makes_the_machine_no_smaller() -> None:
    free = [int((CLUSTER_MIB + SPARE_MIB) / SHARE) + 1]
    kept = SparkMemory(lambda _: CLUSTER_MIB, lambda: free[0])
    assert kept.hold_spare("spare-1")
    free[0] -= SPARE_MIB

    async def scenario() -> None:
        await kept.take("a", ClusterSpec(), 1, brief=True)
        kept.give_spare("spare-1")
        free[0] += SPARE_MIB
        assert kept.hold_spare("spare-2")

    asyncio.run(scenario())
