"""What the kinds of tasks do."""

import asyncio
import json
from dataclasses import replace
from typing import Any

from deployments.local.workspace import conditions, states
from deployments.local.workspace.checkouts import CheckoutError
from deployments.local.workspace.drive import Drive
from deployments.local.workspace.errors import ApiError
from deployments.local.workspace.execution import Cluster, ClusterError, Code, DriverLostError
from deployments.local.workspace.iterations import iterations_before, kept_iterations
from deployments.local.workspace.models import (
    ClusterSpec,
    ConditionSpec,
    ForEachSpec,
    NotebookSpec,
    RunJobSpec,
    TaskRun,
)
from deployments.local.workspace.parameters import pushed_down
from deployments.local.workspace.references import (
    Context,
    UnresolvedReferenceError,
    resolve,
    resolve_all,
)
from deployments.local.workspace.states import State
from deployments.local.workspace.task_calls import TaskCalls
from deployments.local.workspace.task_facts import context_of

MAX_INPUTS = 5_000
"""Docs: for-each tasks, iterations of one task."""


async def do_work(drive: Drive, task: TaskRun, inputs: tuple[Any, ...]) -> State:
    """Do what a task is for, and say how it ended."""
    body = task.spec.body
    try:
        context = context_of(drive, task, inputs)
        if isinstance(body, NotebookSpec):
            return await _notebook(drive, task, body, context)
        drive.set_task(task, states.RUNNING)
        if isinstance(body, ConditionSpec):
            return _condition(task, body, context)
        if isinstance(body, RunJobSpec):
            return await _run_job(drive, task, body, context)
        return await _for_each(drive, task, body, context)
    except (UnresolvedReferenceError, conditions.ConditionError) as error:
        task.error = str(error)
        return states.invalid_configuration(task.error)


def _condition(task: TaskRun, body: ConditionSpec, context: Context) -> State:
    condition = ConditionSpec(body.op, resolve(body.left, context), resolve(body.right, context))
    task.resolved = {"condition_task": {"left": condition.left, "right": condition.right}}
    task.outcome = conditions.outcome(condition)
    return states.SUCCESS


async def _run_job(drive: Drive, task: TaskRun, body: RunJobSpec, context: Context) -> State:
    job_parameters = resolve_all(body.parameters, context)
    notebook_params = resolve_all(body.notebook_params, context)
    # `parameters` is the name of 2.1 for the same (docs: ResolvedRunJobTaskValues).
    task.resolved = {"run_job_task": {"job_parameters": job_parameters, "parameters": job_parameters}}
    request = {"job_id": body.job_id, "job_parameters": job_parameters, "notebook_params": notebook_params}
    try:
        child = drive.tools.start_job(drive.run, task, request)
    except ApiError as error:
        task.error = error.message
        return states.invalid_configuration(task.error)
    task.child_run_id = child.run_id
    await drive.tools.wait_for(child)
    if child.state.result in states.SUCCEEDED:
        return states.SUCCESS
    task.error = child.state.message
    return states.workload_failure(child.state.message or f"Run {child.run_id} did not succeed")


async def _for_each(drive: Drive, task: TaskRun, body: ForEachSpec, context: Context) -> State:
    values = _inputs(resolve(body.inputs, context))
    task.resolved = {"for_each_task": {"inputs": json.dumps(values)}}
    task.total_iterations = len(values)
    before = iterations_before(drive.run, task)
    task.kept = kept_iterations(drive.run, task)
    kept = {index for index, iteration in before.items() if iteration.run_id in task.kept}
    free = asyncio.Semaphore(body.concurrency)
    begun: set[asyncio.Task[TaskRun]] = set()

    async def iterate(index: int) -> TaskRun:
        async with free:
            begun.update(filter(None, [asyncio.current_task()]))
            first = drive.tools.store.add_task(
                drive.run, body.task, before=before.get(index), parent=task, input_index=index
            )
            return await drive.attempts(first, (values[index],), task)

    running = [asyncio.create_task(iterate(index)) for index in range(len(values)) if index not in kept]
    try:
        if running:
            await asyncio.wait(running)
    finally:
        # When this task is stopped, its iterations are told so: they end by themselves, and no more begin.
        for iteration in running:
            if drive.closing or iteration not in begun:
                iteration.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    ended = [iteration.result() for iteration in running]
    failed = [iteration for iteration in ended if iteration.state.result not in states.FINE]
    if not failed:
        return states.SUCCESS
    # The words are not documented; they begin with the first failure, as those of a run do.
    task.error = failed[0].error or failed[0].state.message
    return states.workload_failure(
        f"{len(failed)} of {len(values)} iterations failed, the first with message: {failed[0].state.message}"
    )


def _inputs(text: str) -> list[Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise UnresolvedReferenceError(
            f"The inputs of the for_each_task are no JSON array: {error}"
        ) from error
    if not isinstance(values, list) or len(values) > MAX_INPUTS:
        raise UnresolvedReferenceError(
            f"The inputs of the for_each_task must be a JSON array of at most {MAX_INPUTS} elements."
        )
    return values


async def _notebook(drive: Drive, task: TaskRun, body: NotebookSpec, context: Context) -> State:
    """Run a notebook on the cluster of its task."""
    own = resolve_all(body.parameters, context)
    given = resolve_all(drive.run.parameters.notebook, context)
    parameters = {**pushed_down(own, drive.run.parameters), **context.parameters, **given}
    task.resolved = {"notebook_task": {"base_parameters": parameters}}
    code = await _code(drive, body)
    if isinstance(code, State):
        task.error = code.message
        return code
    notebook = replace(body, parameters=parameters)
    if drive.cluster is not None:
        return await _execute(drive, task, drive.cluster, notebook, code)
    spec = task.spec.cluster or ClusterSpec()
    try:
        if task.spec.cluster_key:
            task.cluster_id = drive.clusters.cluster_id(task.spec.cluster_key)
            await drive.clusters.get(task.spec.cluster_key, spec)
            async with drive.tools.task_slots:
                # It may have been lost while this task waited for its turn.
                cluster = await drive.clusters.get(task.spec.cluster_key, spec)
                return await _execute(drive, task, cluster, notebook, code)
        async with drive.tools.task_slots:
            task.cluster_id = f"local-{task.run_id}"
            cluster = await drive.tools.executor.start_cluster(task.cluster_id, spec)
            try:
                return await _execute(drive, task, cluster, notebook, code)
            finally:
                await drive.tools.executor.stop_cluster(cluster)
    except (ClusterError, TimeoutError) as error:
        task.error = str(error) or "The cluster did not start in time."
        return states.cluster_failure(task.error)


async def _code(drive: Drive, body: NotebookSpec) -> Code | State:
    """What a notebook task is to execute, or how it ends without."""
    if body.git:
        try:
            checkout = await drive.checkout.get()
            return Code(checkout.notebook_source(body.path), checkout.directory)
        except CheckoutError as error:
            return states.checkout_failed(str(error))
    source = drive.tools.notebook_source(body.path)
    return states.notebook_missing(body.path, drive.run.creator) if source is None else Code(source)


async def _execute(
    drive: Drive, task: TaskRun, cluster: Cluster, notebook: NotebookSpec, code: Code
) -> State:
    calls = TaskCalls(drive, task, cluster, notebook.path)
    task.cluster_id = cluster.cluster_id

    def ready() -> None:
        drive.set_task(task, states.RUNNING)

    try:
        result = await drive.tools.executor.run_notebook(
            cluster, notebook, code, ready, task.cells.append, calls.answer
        )
    except DriverLostError as error:
        task.error = states.DRIVER_LOST.message
        task.error_trace = str(error)
        return states.DRIVER_LOST
    task.exit_value, task.exit_truncated = result.exit_value, result.exit_truncated
    task.error, task.error_trace = result.error, result.error_trace
    return states.WORKLOAD_FAILURE if result.error else states.SUCCESS
