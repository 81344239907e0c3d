"""What tests of a run's life share: a job, a life in simulated time, somebody who takes notes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.run.launchers import Launcher, launcher_of
from databricks_blocks.run.life import RunLife
from databricks_blocks.run.observer import Ask, Observer
from databricks_blocks.run.outputs import TaskOutputs
from databricks_blocks.run.policy import LifeOptions, RunPolicy
from databricks_blocks.run.repair_policy import GiveUp, Repair, RepairPolicy
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.polling import PollingPolicy

from .fake_workspace import FakeWorkspace

CLUSTER = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
ENDED_BADLY = "OSError: the source is away"
EDGES: Mapping[str, Sequence[str]] = {"join": (), "plot": ("join",)}


def chain(
    launch: str = "submit", edges: Mapping[str, Sequence[str]] = EDGES, **fields: Any
) -> JobSpecification:
    tasks = [
        notebook_task(key, f"/Shared/{key}", job_cluster_key="shared", depends_on=list(after))
        for key, after in edges.items()
    ]
    return JobSpecification(
        name="nightly", launch=launch, tasks=tasks, job_clusters={"shared": CLUSTER}, **fields
    )


def policy(polling: PollingPolicy | None = None, accept_failures: bool = False, **repair: Any) -> RunPolicy:
    return RunPolicy(
        repair=RepairPolicy(**repair), polling=polling or PollingPolicy(), accept_failures=accept_failures
    )


class Notes(Observer):
    """What an observer is told."""

    def __init__(self) -> None:
        self.runs: list[int] = []
        self.repairs: list[int] = []
        self.decisions: list[Repair | GiveUp] = []
        self.seen: list[RunSnapshot] = []

    async def launched(self, run_id: int) -> None:
        self.runs.append(run_id)

    async def changed(self, run: RunSnapshot) -> None:
        self.seen.append(run)

    async def failed(self, run: RunSnapshot, errors: Mapping[str, str], decision: Repair | GiveUp) -> None:
        self.decisions.append(decision)

    async def repaired(self, run_id: int, repair_id: int) -> None:
        self.repairs.append(repair_id)


def life_of(
    workspace: FakeWorkspace,
    job: JobSpecification | None = None,
    *,
    wishes: RunPolicy | None = None,
    started: int = 1,
    inputs_since: int = 0,
    notes: Observer | None = None,
    ask: Ask | None = None,
    call: str = "a flow run",
    launcher: Launcher | None = None,
) -> RunLife:
    """The life of a run of a job, for a flow run that was started so many times."""
    client, wishes = workspace.client(), wishes or RunPolicy()
    return RunLife(
        client,
        launcher
        or launcher_of(client, job or chain(), lambda generation: f"{call}, generation {generation}"),
        LifeOptions(wishes, started, inputs_since),
        notes or Observer(),
        TaskOutputs(client, wishes.polling),
        ask=ask,
        clock=workspace.time,
        sleep=workspace.time.asleep,
        chance=lambda: 0.0,
    )


def live(workspace: FakeWorkspace, job: JobSpecification | None = None, **wishes: Any) -> RunSnapshot:
    return run_async(life_of(workspace, job, **wishes).to_the_end())


def run_async(work: Coroutine[Any, Any, Any], seconds: float = 60) -> Any:
    """Run to the end, which a hang does not have."""
    return asyncio.run(asyncio.wait_for(work, seconds))


def results(run: RunSnapshot) -> dict[str, str]:
    return {task.task_key: str(task.state) for task in run.tasks}


def attempts(run: RunSnapshot, key: str) -> list[str]:
    return [str(attempt.state) for attempt in run.attempts if attempt.task_key == key]


def told(change: Callable[[], None]) -> type[Notes]:
    """Notes that make a change once, when a run was seen for the first time."""

    class Changing(Notes):
        async def changed(self, run: RunSnapshot) -> None:
            if not self.seen:
                change()
            await super().changed(run)

    return Changing
