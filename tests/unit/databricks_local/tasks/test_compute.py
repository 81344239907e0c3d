"""What tasks run on."""

import asyncio
from types import SimpleNamespace
from typing import Any

from databricks_local.execution.cluster import Cluster
from databricks_local.execution.engines.memory import SparkMemory
from databricks_local.jobs.specs import ClusterSpec
from databricks_local.runs import states
from databricks_local.runs.models import TaskRun
from databricks_local.runs.states import State
from databricks_local.tasks.compute import on_cluster

from tests.unit.databricks_local.pages.page_lab import spec
from tests.unit.databricks_local.runs.test_job_clusters import Machine


class Installing(Machine):
    """Installs nothing."""

    async def install_libraries(self, *_: Any) -> None:
        return None


def test_a_task_that_waits_for_memory_takes_nobody_elses_place() -> None:
    async def scenario() -> None:
        machine, let = Installing(), asyncio.Event()
        machine.memory = SparkMemory(lambda asked: 600 if asked.engine else 0, lambda: 1_000)
        tools = SimpleNamespace(executor=machine, task_slots=asyncio.Semaphore(2))
        drive: Any = SimpleNamespace(cluster=None, tools=tools, outermost_run_id=1)

        async def execute(_: Cluster) -> State:
            await let.wait()
            return states.SUCCESS

        def begin(number: int, engine: str) -> "asyncio.Task[State]":
            task = TaskRun(number, spec("a", cluster=ClusterSpec(engine=engine)))
            return asyncio.create_task(on_cluster(drive, task, execute))

        tasks = [begin(1, "spark"), begin(2, "spark"), begin(3, "")]
        async with asyncio.timeout(10):
            await asyncio.wait(tasks, timeout=0.1)
            assert sorted(machine.started) == ["local-1", "local-3"]
            let.set()
            assert await asyncio.gather(*tasks) == [states.SUCCESS] * 3
        assert machine.started[2:] == ["local-2"]
        assert machine.running == []

    asyncio.run(scenario())
