"""The registry of clusters, for tasks that run on one that is there."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.clusters.records import ClusterState
from databricks_local.clusters.registry import ClusterRegistry
from databricks_local.execution.cluster import Cluster, ClusterError
from databricks_local.execution.provisioning.installing import ClusterLibraries
from databricks_local.jobs.libraries import Library
from databricks_local.jobs.specs import ClusterSpec, NotebookSpec, TaskSpec
from databricks_local.runs.models import TaskRun
from databricks_local.runs.states import SUCCESS, State
from databricks_local.storage.documents import Documents
from databricks_local.tasks.compute import on_cluster

SETTINGS: dict[str, Any] = {"spark_version": "x", "spark_conf": {"a": "b"}, "spark_env_vars": {}}


class Starter:
    """Starts clusters that are nothing, when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.let.set()
        self.fails = False
        self.started: list[ClusterSpec] = []
        self.stopped = 0
        self.installing, self.let_install = asyncio.Event(), asyncio.Event()
        self.let_install.set()

    async def install_libraries(self, cluster: Cluster, libraries: Sequence[Library]) -> None:
        self.installing.set()
        await self.let_install.wait()

    async def start_cluster(self, cluster_id: str, spec: ClusterSpec) -> Cluster:
        await self.let.wait()
        if self.fails:
            raise ClusterError("no luck")
        self.started.append(spec)
        lost: asyncio.Task[Any] = asyncio.create_task(asyncio.Event().wait())
        return Cluster(None, cluster_id, spec, "sc://here", lost, ClusterLibraries(Path("nowhere")))

    async def stop_cluster(self, cluster: Cluster) -> None:
        self.stopped += 1
        cluster.lost.cancel()


def run(
    tmp_path: Path,
    scenario: Callable[[ClusterRegistry, Starter], Awaitable[None]],
    clock: Callable[[], int] = lambda: 1_000,
) -> None:
    async def play() -> None:
        starter = Starter()
        documents = Documents(tmp_path / "objects.sqlite")
        registry = ClusterRegistry(starter, documents, clock, "me")
        await scenario(registry, starter)
        await registry.close()
        documents.close()
        assert starter.stopped == len(starter.started)

    asyncio.run(asyncio.wait_for(play(), 10))


def test_ready_waits_for_a_cluster_that_starts(tmp_path: Path) -> None:
    async def scenario(registry: ClusterRegistry, starter: Starter) -> None:
        starter.let.clear()
        record = registry.create(SETTINGS)
        waiting = asyncio.create_task(registry.ready(record.cluster_id))
        await asyncio.sleep(0)
        assert not waiting.done()
        starter.let.set()
        assert (await waiting).spec.spark_conf == {"a": "b"}
        assert record.state is ClusterState.RUNNING

    run(tmp_path, scenario)


def test_ready_starts_a_terminated_cluster(tmp_path: Path) -> None:
    async def scenario(registry: ClusterRegistry, starter: Starter) -> None:
        record = registry.create(SETTINGS)
        first = await registry.ready(record.cluster_id)
        registry.terminate(record.cluster_id)
        assert await registry.ready(record.cluster_id) is not first
        assert len(starter.started) == 2

    run(tmp_path, scenario)


def test_ready_says_why_a_cluster_does_not_start(tmp_path: Path) -> None:
    async def scenario(registry: ClusterRegistry, starter: Starter) -> None:
        starter.fails = True
        record = registry.create(SETTINGS)
        with pytest.raises(ClusterError, match="no luck"):
            await registry.ready(record.cluster_id)
        assert (record.state, record.message) == (ClusterState.TERMINATED, "no luck")
        assert record.reason["code"] == "SPARK_STARTUP_FAILURE"

    run(tmp_path, scenario)


def test_a_cluster_that_is_forgotten_while_it_starts(tmp_path: Path) -> None:
    async def scenario(registry: ClusterRegistry, starter: Starter) -> None:
        starter.let.clear()
        record = registry.create(SETTINGS)
        waiting = asyncio.create_task(registry.ready(record.cluster_id))
        await asyncio.sleep(0)
        registry.forget(record.cluster_id)
        with pytest.raises(ClusterError):
            await waiting
        with pytest.raises(ApiError, match="does not exist"):
            registry.get(record.cluster_id)
        assert starter.started == []

    run(tmp_path, scenario)


def test_a_server_that_is_lost(tmp_path: Path) -> None:
    async def scenario(registry: ClusterRegistry, starter: Starter) -> None:
        record = registry.create(SETTINGS)
        cluster = await registry.ready(record.cluster_id)
        cluster.lost.cancel()
        await asyncio.wait({cluster.lost})
        await asyncio.gather(
            *(task for task in asyncio.all_tasks() if task.get_name().startswith("cluster-"))
        )
        assert (record.state, record.message) == (ClusterState.TERMINATED, "Driver of the cluster was lost")

    run(tmp_path, scenario)


def test_a_library_that_is_uninstalled_while_it_is_installed(tmp_path: Path) -> None:
    async def scenario(registry: ClusterRegistry, starter: Starter) -> None:
        starter.let_install.clear()
        record = registry.create(SETTINGS)
        await registry.ready(record.cluster_id)
        registry.install(record.cluster_id, [{"whl": "/a.whl"}])
        await starter.installing.wait()
        (status,) = record.libraries.values()
        assert status["status"] == "INSTALLING"
        status["status"] = "UNINSTALL_ON_RESTART"
        starter.let_install.set()
        await registry.ready(record.cluster_id)
        assert status["status"] == "UNINSTALL_ON_RESTART"
        registry.restart(record.cluster_id)
        await registry.ready(record.cluster_id)
        assert record.libraries == {}

    run(tmp_path, scenario)


def test_a_cluster_that_ends_while_it_installs_installs_again(tmp_path: Path) -> None:
    async def scenario(registry: ClusterRegistry, starter: Starter) -> None:
        starter.let_install.clear()
        record = registry.create(SETTINGS)
        registry.install(record.cluster_id, [{"whl": "/a.whl"}])
        await starter.installing.wait()
        registry.terminate(record.cluster_id)
        (status,) = record.libraries.values()
        starter.let_install.set()
        await registry.ready(record.cluster_id)
        assert status["status"] == "INSTALLED"
        assert len(starter.started) == 2

    run(tmp_path, scenario)


class Clock:
    """A clock that is set."""

    minutes = 0.0

    def __call__(self) -> int:
        return round(self.minutes * 60_000)


def test_an_idle_cluster_is_terminated(tmp_path: Path) -> None:
    clock = Clock()

    async def scenario(registry: ClusterRegistry, starter: Starter) -> None:
        record = registry.create({**SETTINGS, "autotermination_minutes": 10})
        forever = registry.create({**SETTINGS, "autotermination_minutes": 0})
        for each in (record, forever):
            await registry.ready(each.cluster_id)
        clock.minutes = 9
        await registry.ready(record.cluster_id)
        clock.minutes = 18.9
        registry.end_idle()
        assert record.state is ClusterState.RUNNING
        clock.minutes = 19
        registry.end_idle()
        registry.end_idle()
        assert (record.state, forever.state) == (ClusterState.TERMINATING, ClusterState.RUNNING)
        reason = {"code": "INACTIVITY", "type": "SUCCESS", "parameters": {"inactivity_duration_min": "10"}}
        assert [event["type"] for event in record.events] == ["CREATING", "RUNNING", "TERMINATING"]
        assert record.events[-1]["details"] == {"reason": reason}
        # Who needs it starts it again, and it has all of its time again.
        await registry.ready(record.cluster_id)
        registry.end_idle()
        assert (record.state, record.reason) == (ClusterState.RUNNING, {})

    run(tmp_path, scenario, clock)


def test_a_cluster_with_a_task_is_not_idle(tmp_path: Path) -> None:
    clock = Clock()

    async def scenario(registry: ClusterRegistry, starter: Starter) -> None:
        record = registry.create({**SETTINGS, "autotermination_minutes": 10})
        notebook = NotebookSpec("/any")
        task = TaskRun(1, TaskSpec("only", notebook, None, existing_cluster_id=record.cluster_id))
        tools = SimpleNamespace(clusters=registry, task_slots=asyncio.Semaphore(1))
        drive: Any = SimpleNamespace(cluster=None, tools=tools)

        async def execute(cluster: Cluster) -> State:
            clock.minutes = 60
            registry.end_idle()
            assert record.state is ClusterState.RUNNING
            return SUCCESS

        # Of two tasks one waits for its turn.
        await tools.task_slots.acquire()
        ends = [asyncio.create_task(on_cluster(drive, task, execute)) for _ in range(2)]
        await registry.ready(record.cluster_id)
        clock.minutes = 30
        registry.end_idle()
        assert record.state is ClusterState.RUNNING
        tools.task_slots.release()
        assert await asyncio.gather(*ends) == [SUCCESS, SUCCESS]
        clock.minutes = 69.9
        registry.end_idle()
        assert record.state is ClusterState.RUNNING
        clock.minutes = 70
        registry.end_idle()
        assert record.state is ClusterState.TERMINATING

    run(tmp_path, scenario, clock)
