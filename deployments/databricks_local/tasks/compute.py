"""Provides the cluster that a task runs on, with its libraries."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from databricks_local.api import errors
from databricks_local.api.errors import ApiError
from databricks_local.clusters.registry import ClusterRegistry
from databricks_local.execution.cluster import Cluster, ClusterError, DriverLostError
from databricks_local.execution.provisioning.installing import LibraryInstallationError
from databricks_local.jobs.specs import ClusterSpec, ForEachSpec, NotebookSpec, TaskSpec
from databricks_local.runs import states
from databricks_local.runs.drive import Drive
from databricks_local.runs.models import TaskRun
from databricks_local.runs.states import State

JOB_CLUSTER_PREFIX = "local-"

Execute = Callable[[Cluster], Awaitable[State]]


async def on_cluster(drive: Drive, task: TaskRun, execute: Execute) -> State:
    """Do the work of a task on the cluster that it asks for."""
    if drive.cluster is not None:
        return await _watched(task, drive.cluster, execute)
    try:
        if task.spec.existing_cluster_id:
            return await _on_existing(drive, task, execute)
        async with _job_cluster(drive, task) as cluster:
            await drive.tools.executor.install_libraries(cluster, task.spec.libraries)
            return await _watched(task, cluster, execute)
    except LibraryInstallationError as error:
        task.error = str(error)
        return states.library_failure(task.error)
    except (ClusterError, TimeoutError) as error:
        task.error = str(error) or "The cluster did not start in time."
        return states.cluster_failure(task.error)


def shared_cluster(drive: Drive, task: TaskRun) -> Cluster | None:
    """The running cluster that a task shares with others; None if there is none."""
    return (
        drive.cluster
        or drive.clusters.running(task.spec.cluster_key)
        or drive.tools.clusters.running(task.spec.existing_cluster_id)
    )


@asynccontextmanager
async def _job_cluster(drive: Drive, task: TaskRun) -> AsyncIterator[Cluster]:
    """The cluster of a job, or of this task alone, which ends with it."""
    spec = task.spec.cluster or ClusterSpec()
    if task.spec.cluster_key:
        task.cluster_id = drive.clusters.cluster_id(task.spec.cluster_key)
        await drive.clusters.get(task.spec.cluster_key, spec)
        async with drive.tools.task_slots:
            # The cluster may have been lost while this task waited for its turn.
            yield await drive.clusters.get(task.spec.cluster_key, spec)
        return
    cluster_id, executor = f"{JOB_CLUSTER_PREFIX}{task.run_id}", drive.tools.executor
    # Memory first: a task that waits for it must not take the place of others.
    async with executor.memory.room(cluster_id, spec, drive.outermost_run_id), drive.tools.task_slots:
        # Serverless compute has no cluster that could be shown.
        task.cluster_id = "" if spec.serverless else cluster_id
        cluster = await executor.start_cluster(cluster_id, spec)
        try:
            yield cluster
        finally:
            await executor.stop_cluster(cluster)


async def _on_existing(drive: Drive, task: TaskRun, execute: Execute) -> State:
    """Use an all-purpose cluster. A terminated one is started; none is stopped afterwards."""
    task.cluster_id = task.spec.existing_cluster_id
    with drive.tools.clusters.in_use(task.cluster_id):
        async with drive.tools.task_slots:
            # Not earlier: the cluster may be lost while this task waits for its turn.
            cluster = await _ready(drive, task)
            state = await _watched(task, cluster, execute)
    if state is states.DRIVER_LOST and cluster.ended_by_user:
        state = states.cluster_terminated(task.cluster_id, drive.run.creator)
        task.error, task.error_trace = state.message, ""
    return state


async def _ready(drive: Drive, task: TaskRun) -> Cluster:
    """The all-purpose cluster of a task, with the task's libraries."""
    clusters = drive.tools.clusters
    try:
        cluster = await clusters.ready(task.cluster_id)
        await clusters.install_for_task(task.cluster_id, task.spec.raw.get("libraries", []))
    except ApiError as error:
        # The cluster was deleted after the run was accepted.
        raise ClusterError(error.message) from error
    return cluster


async def _watched(task: TaskRun, cluster: Cluster, execute: Execute) -> State:
    if not cluster.spec.serverless:
        task.cluster_id = cluster.cluster_id
    try:
        return await execute(cluster)
    except DriverLostError as error:
        task.error = states.DRIVER_LOST.message
        task.error_trace = str(error)
        if not isinstance(task.spec.body, NotebookSpec):
            task.logs = task.error_trace
        return states.DRIVER_LOST


def check_clusters(clusters: ClusterRegistry, tasks: Sequence[TaskSpec]) -> None:
    """Refuse tasks whose `existing_cluster_id` is unknown or that of a job cluster.

    Raises:
        ApiError: For the first such id.
    """
    for task in tasks:
        if isinstance(task.body, ForEachSpec):
            check_clusters(clusters, [task.body.task])
        cluster_id = task.existing_cluster_id
        if cluster_id.startswith(JOB_CLUSTER_PREFIX):
            raise errors.not_an_all_purpose_cluster()
        if cluster_id:
            clusters.get(cluster_id)
