import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest
from databricks_local.execution.cluster import Cluster, ClusterError
from databricks_local.execution.engines.memory import SparkMemory
from databricks_local.execution.provisioning.installing import ClusterLibraries
from databricks_local.execution.task_executor import TaskExecutor
from databricks_local.jobs.specs import ClusterSpec
from databricks_local.runs.job_clusters import JobClusters

SPEC = ClusterSpec()
RUNS = ("local-1", 1), ("local-2", 2)


class Machine:
    """Starts clusters that are no processes, and counts them."""

    def __init__(self) -> None:
        self.running: list[Cluster] = []
        self.started: list[str] = []
        self.failures = 0
        self.memory = SparkMemory(lambda _: 0)
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def start_cluster(self, cluster_id: str, spec: ClusterSpec) -> Cluster:
        self.started.append(cluster_id)
        self.asked.set()
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise ClusterError("no capacity")
        cluster = Cluster(
            None,
            cluster_id,
            spec,
            "sc://here",
            asyncio.create_task(asyncio.sleep(60)),
            ClusterLibraries(Path("nowhere")),
        )
        self.running.append(cluster)
        return cluster

    async def stop_cluster(self, cluster: Cluster) -> None:
        self.running.remove(cluster)
        cluster.lost.cancel()


def run(test: Callable[[Machine], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await test(Machine())

    asyncio.run(main())


def clusters_of(machine: Machine, slots: asyncio.Semaphore | None = None) -> JobClusters:
    return JobClusters(cast(TaskExecutor, machine), "local-1", slots)


def test_a_cluster_is_started_once_however_many_ask_at_once() -> None:
    async def test(machine: Machine) -> None:
        clusters = clusters_of(machine)
        got = await asyncio.gather(*(clusters.get("a", SPEC) for _ in range(5)), clusters.get("b", SPEC))
        assert len({id(cluster) for cluster in got}) == 2
        assert machine.started == ["local-1-a", "local-1-b"]
        await clusters.stop()
        assert machine.running == []

    run(test)


def test_a_cluster_that_was_lost_is_started_again() -> None:
    async def test(machine: Machine) -> None:
        clusters = clusters_of(machine)
        first = await clusters.get("a", SPEC)
        first.lost.cancel()
        await asyncio.wait({first.lost})
        assert await clusters.get("a", SPEC) is not first
        assert len(machine.running) == 1
        await clusters.stop()

    run(test)


def test_a_start_that_failed_is_tried_again_by_the_next_that_asks() -> None:
    async def test(machine: Machine) -> None:
        clusters = clusters_of(machine)
        machine.failures = 1
        with pytest.raises(ClusterError, match="no capacity"):
            await clusters.get("a", SPEC)
        await clusters.get("a", SPEC)
        assert len(machine.started) == 2
        await clusters.stop()

    run(test)


def test_one_that_gives_up_does_not_take_the_cluster_from_the_others() -> None:
    async def test(machine: Machine) -> None:
        clusters = clusters_of(machine)
        machine.gate.clear()
        impatient, patient = (asyncio.create_task(clusters.get("a", SPEC)) for _ in range(2))
        await machine.asked.wait()
        impatient.cancel()
        machine.gate.set()
        await patient
        assert len(machine.started) == 1
        await clusters.stop()

    run(test)


def test_a_cluster_that_is_still_starting_when_the_run_ends_is_not_left() -> None:
    async def test(machine: Machine) -> None:
        clusters = clusters_of(machine)
        machine.gate.clear()
        waiting = asyncio.create_task(clusters.get("a", SPEC))
        await machine.asked.wait()
        waiting.cancel()
        await clusters.stop()
        machine.gate.set()
        await asyncio.gather(waiting, return_exceptions=True)
        assert machine.running == []

    run(test)


def test_runs_hold_a_slot_from_their_first_cluster_to_their_end() -> None:
    async def test(machine: Machine) -> None:
        slots = asyncio.Semaphore(1)
        first, second, nested = clusters_of(machine, slots), clusters_of(machine, slots), clusters_of(machine)
        await first.get("a", SPEC)
        await first.get("b", SPEC)
        await nested.get("a", SPEC)
        waiting = asyncio.create_task(second.get("a", SPEC))
        done, _ = await asyncio.wait({waiting}, timeout=0.01)
        assert not done
        await first.stop()
        await asyncio.wait_for(waiting, 5)
        await second.stop()
        await nested.stop()
        assert not slots.locked()

    run(test)


def test_clusters_that_have_no_memory_yet_wait_for_the_end_of_a_run() -> None:
    async def test(machine: Machine) -> None:
        machine.memory = SparkMemory(lambda _: 600, lambda: 1_000)
        first, second = (
            JobClusters(cast(TaskExecutor, machine), name, None, run_id) for name, run_id in RUNS
        )
        await first.get("a", SPEC)
        waiting = asyncio.create_task(second.get("a", SPEC))
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        assert machine.started == ["local-1-a"]
        await first.stop()
        await asyncio.wait_for(waiting, 5)
        assert machine.started == ["local-1-a", "local-2-a"]
        machine.failures = 1
        with pytest.raises(ClusterError):
            await second.get("b", SPEC)
        await second.stop()
        await asyncio.wait_for(first.get("c", SPEC), 5)
        await first.stop()

    run(test)
