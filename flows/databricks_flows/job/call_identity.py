"""Tells calls, of jobs and of SQL, apart by where they are made, so that a retry is known as one.

Positions and the ids of subflow runs are no use for that: they change when concurrent calls start in another
order, and with each attempt of a task. Names stay. Calls that are equal in all of this are counted: see
`call_claims`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from databricks_blocks.private_prefect import contexts_around
from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import TaskRun, TaskRunResult
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import ObjectNotFound

from databricks_flows.job.stored_results import inputs_of_stored

_CODE_HASH = re.compile(r"-(?:[0-9a-f]{8}|unknown)$")
_RUN_DEPLOYMENT = "prefect.deployments."
SECONDS_TO_RECORD = 60.0
"""The server records task runs in the background; under load it took 13 s."""


@dataclass(frozen=True)
class CallIdentity:
    """Where a call is made, counted from the outermost flow run.

    Attributes:
        root_id: Id of the outermost flow run, or of the outermost task run where a task is called outside of
            flows. A retry keeps it, whereas a subflow gets a new id.
        names: Names of the flows, deployments and tasks on the way from there to the call; of those whose
            results are stored, with what they were given: see `stored_results`.
        attempts: Attempt of each flow run and task run on this way, by id.
        flow_run_ids: Ids of this flow run and of its parents, the outermost last.
        flow_run_count: How often the call was started at most, retries of flows and tasks included.
        in_one_process: Whether all of this happens in the process of the outermost flow run.
        since: When the outermost flow run or task run began for the first time.
    """

    root_id: UUID
    names: tuple[str, ...]
    attempts: Mapping[UUID, int]
    flow_run_ids: tuple[UUID, ...]
    flow_run_count: int
    in_one_process: bool
    since: datetime


@dataclass(frozen=True)
class Step:
    """A flow run or task run on the way to a call.

    Attributes:
        id: Its id.
        attempt: Which attempt it is, from 1.
        retries: How many retries a task has in each attempt of what is around it; `None` for a flow run.
    """

    id: UUID
    attempt: int
    retries: int | None = None


def starts(steps: Sequence[Step]) -> int:
    """Count how often a call was started at most.

    A task begins its attempts anew with each attempt of the flow around it. The attempts of flow runs are not
    added up: after a killed process, a subflow and its parent are started again together.

    Args:
        steps: The way to the call, the outermost first.
    """
    count = 1
    for step in steps:
        if step.retries is None:
            count = max(count, step.attempt)
        else:
            count = (count - 1) * (step.retries + 1) + step.attempt
    return count


def stable_name(task_key: str) -> str:
    """Name a task, or the flow or deployment that a task run stands for.

    Args:
        task_key: Prefect's key of the task: its name and a hash of its code. A retry may have corrected code.
    """
    return task_key if task_key.startswith(_RUN_DEPLOYMENT) else _CODE_HASH.sub("", task_key)


async def current_call_identity() -> CallIdentity:
    """Find the identity of the flow run or task run that this code runs in, whichever is the inner one.

    Raises:
        RuntimeError: It runs in neither.
    """
    flows = [context for context in contexts_around(FlowRunContext) if context.flow_run]
    runs = [context.flow_run for context in flows if context.flow_run]
    tasks = [context.task_run for context in contexts_around(TaskRunContext)]
    if not (runs or tasks):
        raise RuntimeError("There is no flow run; call this inside a flow.")
    here = {context.flow_run.id for context in flows if context.flow_run and not context.detached}
    # A call in another process may reach the server only when the next attempt of the flow has begun.
    attempts = {run.id: run.run_count for run in runs}
    innermost = runs[0].id if runs else None
    async with get_client() as client:
        way = _Way(client, tasks, attempts)
        if tasks and tasks[0].flow_run_id == innermost:
            await way.leave(tasks[0])
        root_id = await way.walk(innermost) if innermost else tasks[-1].id
    steps = list(reversed(way.steps))
    return CallIdentity(
        root_id=root_id,
        names=tuple(reversed(way.names)),
        attempts={step.id: step.attempt for step in steps},
        flow_run_ids=tuple(way.flow_run_ids),
        flow_run_count=starts(steps),
        in_one_process=here.issuperset(way.flow_run_ids),
        since=way.since,
    )


class _Way:
    """The way from a flow run to the outermost one, which is the last."""

    def __init__(
        self, client: PrefectClient, tasks_here: Sequence[TaskRun], attempts_here: Mapping[UUID, int]
    ) -> None:
        self.steps: list[Step] = []
        self.names: list[str] = []
        self.flow_run_ids: list[UUID] = []
        self.since = datetime.now(UTC)
        self._client = client
        self._tasks_here = tasks_here
        self._attempts_here = attempts_here
        self._given = inputs_of_stored()

    async def leave(self, task: TaskRun) -> TaskRun:
        """Go from a task run to the outermost one of its flow run, which is returned."""
        self._pass(task)
        while (parent_id := _parent(task)) is not None:
            task = await self._task_run(parent_id)
            self._pass(task)
        return task

    async def walk(self, flow_run_id: UUID) -> UUID:
        """Go the whole way, and return the id of what is outermost."""
        while True:
            run = await self._client.read_flow_run(flow_run_id)
            self.flow_run_ids.append(run.id)
            is_the_call = not self.steps
            self.steps.append(Step(run.id, self._attempts_here.get(run.id, run.run_count)))
            self.since = run.start_time or run.created or self.since
            if run.parent_task_run_id is None:
                return self._task_outside_of_flows() or run.id
            task = await self._client.read_task_run(run.parent_task_run_id)
            if not is_the_call:
                # The subflow of the call itself is left out: see `SyncCallableFlow`.
                self._name(task, run.id)
            if (parent_id := _parent(task)) is not None:
                task = await self.leave(await self._task_run(parent_id))
            if task.flow_run_id is None:
                return task.id
            flow_run_id = task.flow_run_id

    def _task_outside_of_flows(self) -> UUID | None:
        """The task that this flow run was called in; its attempts make a new flow run each."""
        if not self._tasks_here or self._tasks_here[-1].flow_run_id is not None:
            return None
        self._pass(self._tasks_here[-1])
        return self._tasks_here[-1].id

    def _pass(self, task: TaskRun) -> None:
        if task.flow_run_id is None:
            self.since = task.start_time or task.created or self.since
        self._name(task, task.id)
        self.steps.append(Step(task.id, max(task.run_count, 1), task.empirical_policy.retries or 0))

    def _name(self, task: TaskRun, run_id: UUID) -> None:
        given = self._given.get(run_id)
        self.names.append(stable_name(task.task_key) + (f" {given}" if given else ""))

    async def _task_run(self, task_run_id: UUID) -> TaskRun:
        """Read a task run. The server learns of it late, so one of this process is taken from there."""
        for task in self._tasks_here:
            if task.id == task_run_id:
                return task
        return await until_recorded(partial(self._client.read_task_run, task_run_id))


def _parent(task: TaskRun) -> UUID | None:
    """The task run in which a task was called, if both are of the same flow run."""
    for parent in task.task_inputs.get("__parents__", ()):
        if isinstance(parent, TaskRunResult):
            return parent.id
    return None


async def until_recorded(
    read: Callable[[], Awaitable[TaskRun]],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> TaskRun:
    """Read a task run that the server may not have recorded yet.

    Args:
        read: Reads it.
        clock: Seconds that only grow.
        sleep: Waits for a number of seconds.

    Raises:
        ObjectNotFound: The server has not recorded it in time.
    """
    since = clock()
    while True:
        try:
            return await read()
        except ObjectNotFound:
            if clock() - since > SECONDS_TO_RECORD:
                raise
            await sleep(0.2)
