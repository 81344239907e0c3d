"""Injects faults into the work of tasks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from databricks_local.execution.cluster import Cluster
from databricks_local.faults.rules import TaskEffect, TaskFault
from databricks_local.runs import states
from databricks_local.runs.drive import Drive, Work
from databricks_local.runs.models import TaskRun
from databricks_local.runs.states import LifeCycle, Result, State
from databricks_local.tasks.compute import shared_cluster

FindTaskFault = Callable[[str, str], TaskFault | None]

POLL_SECONDS = 0.02
INJECTED = "RuntimeError: injected fault"
# Word for word as users of two data platforms quote it, of clusters in 2020 and 2022: without a space after
# "ready." and with CLIENT_ERROR, while the documented type of a run that ends so is CLOUD_FAILURE.
NO_CAPACITY = (
    "Unexpected failure while waiting for the cluster ({cluster}) to be ready.Cause Unexpected state for "
    "cluster ({cluster}): AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE(CLIENT_ERROR): "
    "aws_api_error_code:InsufficientInstanceCapacity,aws_error_message:There is no Spot capacity available "
    "that matches your request."
)
# Docs: termination code SPOT_INSTANCE_TERMINATION, type CLOUD_FAILURE; the words are not documented.
SPOT_LOST = (
    "Cluster ({cluster}) was terminated during the run: SPOT_INSTANCE_TERMINATION(CLOUD_FAILURE): "
    "The instance of the driver was reclaimed by the cloud provider."
)


def with_faults(work: Work, find: FindTaskFault) -> Work:
    """Add faults to the work of tasks.

    Args:
        work: Does the work of a task.
        find: Returns the fault of an attempt, by the names of its run and task.

    Returns:
        The work with faults.
    """
    return _FaultyWork(work, find).do


class _FaultyWork:
    def __init__(self, work: Work, find: FindTaskFault) -> None:
        self._work = work
        self._find = find
        # Attempts that lose their cluster through the fault of another task.
        self._shared: dict[int, TaskFault] = {}

    async def do(self, drive: Drive, task: TaskRun, inputs: tuple[Any, ...]) -> State:
        """Do the work of a task, with its fault if it has one."""
        fault = self._find(drive.run.spec.name, task.spec.key)
        try:
            if fault is not None:
                return await self._suffer(drive, task, inputs, fault)
            ending = await self._work(drive, task, inputs)
            shared = self._shared.get(task.run_id)
            return ending if shared is None or ending is not states.DRIVER_LOST else _lost(task, shared)
        finally:
            self._shared.pop(task.run_id, None)

    async def _suffer(self, drive: Drive, task: TaskRun, inputs: tuple[Any, ...], fault: TaskFault) -> State:
        if fault.effect is TaskEffect.FAIL:
            drive.set_task(task, states.RUNNING)
            task.error = task.error_trace = fault.error or INJECTED
            return states.WORKLOAD_FAILURE
        if fault.effect is TaskEffect.CLUSTER_FAILURE:
            return _not_started(task, fault)
        cluster = await _interrupted(drive, task, self._work(drive, task, inputs), fault)
        if fault.effect is TaskEffect.HANG:
            await asyncio.Event().wait()
        process = None if cluster is None or cluster.lost.done() else cluster.child
        if cluster is not None and process is not None:
            self._shared.update(dict.fromkeys(_others_on(drive, task), fault))
            # A real kill: whatever else runs there ends as if its driver died.
            process.kill()
            await asyncio.wait({cluster.lost})
        return _lost(task, fault)


async def _interrupted(
    drive: Drive, task: TaskRun, work: Awaitable[State], fault: TaskFault
) -> Cluster | None:
    """Let a task run until the fault happens, or to its end if that comes first.

    Returns:
        The cluster that it ran on, if it shares that with others.
    """
    working = asyncio.ensure_future(work)
    try:
        while not working.done() and task.state.life_cycle is not LifeCycle.RUNNING:
            await asyncio.wait({working}, timeout=POLL_SECONDS)
        cluster = shared_cluster(drive, task)
        # A task that hangs does its work; its end is never reported.
        limit = None if fault.effect is TaskEffect.HANG else fault.after_seconds
        await asyncio.wait({working}, timeout=limit)
    finally:
        working.cancel()
        # Its result or error is lost.
        await asyncio.gather(working, return_exceptions=True)
    return cluster


def _others_on(drive: Drive, task: TaskRun) -> list[int]:
    """The other attempts that run on the cluster of a task."""
    attempts = (each for top in drive.current.values() for each in (top, *top.iterations))
    return [
        each.run_id
        for each in attempts
        if each is not task and each.cluster_id == task.cluster_id and not each.state.terminal
    ]


def _not_started(task: TaskRun, fault: TaskFault) -> State:
    task.error = fault.error or NO_CAPACITY.format(cluster=_cluster_id(task))
    return _cloud_failure(task.error)


def _lost(task: TaskRun, fault: TaskFault) -> State:
    task.exit_value, task.exit_truncated = None, False
    task.error_trace = ""
    if fault.effect is TaskEffect.SPOT_LOSS:
        task.error = fault.error or SPOT_LOST.format(cluster=_cluster_id(task))
        return _cloud_failure(task.error)
    task.error = fault.error or states.DRIVER_LOST.message
    return states.DRIVER_LOST


def _cluster_id(task: TaskRun) -> str:
    return task.cluster_id or f"local-{task.run_id}"


def _cloud_failure(message: str) -> State:
    """Docs: TerminationCode CLOUD_FAILURE, "the run failed due to a cloud provider issue"."""
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, message, "CLOUD_FAILURE", "CLOUD_FAILURE")
