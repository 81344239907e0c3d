"""Does the work of each kind of task."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from databricks_local.api.errors import ApiError
from databricks_local.execution.cluster import Cluster
from databricks_local.execution.following import TaskResult
from databricks_local.jobs.parameters import pushed_down
from databricks_local.jobs.specs import (
    ConditionSpec,
    ForEachSpec,
    NotebookSpec,
    ProgramSpec,
    PythonFileSpec,
    PythonWheelSpec,
    RunJobSpec,
)
from databricks_local.runs import states
from databricks_local.runs.drive import Drive
from databricks_local.runs.models import TaskRun
from databricks_local.runs.states import State
from databricks_local.tasks import conditions
from databricks_local.tasks.calls import TaskCalls
from databricks_local.tasks.code import notebook_code, program_code
from databricks_local.tasks.compute import on_cluster
from databricks_local.tasks.facts import context_of
from databricks_local.tasks.iterations import iterations_before, kept_iterations
from databricks_local.tasks.program_parameters import resolved_program
from databricks_local.tasks.references import (
    Context,
    UnresolvedReferenceError,
    resolve,
    resolve_all,
    resolve_within,
)

MAX_INPUTS = 5_000
"""Docs: for-each tasks, iterations of one task."""


async def do_work(drive: Drive, task: TaskRun, inputs: tuple[Any, ...]) -> State:
    """Do the work of a task, and return how it ended."""
    body = task.spec.body
    try:
        context = context_of(drive, task, inputs)
        if isinstance(body, NotebookSpec):
            return await _notebook(drive, task, body, context)
        if isinstance(body, PythonFileSpec | PythonWheelSpec):
            return await _program(drive, task, body, context)
        drive.set_task(task, states.RUNNING)
        if isinstance(body, ConditionSpec):
            return _condition(task, body, context)
        if isinstance(body, RunJobSpec):
            return await _run_job(drive, task, body, context)
        if not isinstance(body, ForEachSpec):
            raise TypeError(f"A {type(body).__name__} is done by with_sql.")
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
    overriding = resolve_within(body.overriding, context)
    # `parameters` is the name of 2.1 for the same (docs: ResolvedRunJobTaskValues).
    task.resolved = {"run_job_task": {"job_parameters": job_parameters, "parameters": job_parameters}}
    request = {**overriding, "job_id": body.job_id, "job_parameters": job_parameters}
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
        # When this task is stopped, its running iterations are stopped one by one; no more begin.
        for iteration in running:
            if drive.closing or iteration not in begun:
                iteration.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    ended = [iteration.result() for iteration in running]
    failed = [iteration for iteration in ended if iteration.state.result not in states.FINE]
    if not failed:
        return states.SUCCESS
    # The words are not documented. As for a run, the first failure is named.
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
    code = await notebook_code(drive, body)
    if isinstance(code, State):
        task.error = code.message
        return code
    notebook = replace(body, parameters=parameters)

    async def execute(cluster: Cluster) -> State:
        calls = TaskCalls(drive, task, cluster, notebook.path)
        result = await drive.tools.executor.run_notebook(
            cluster, notebook, code, on_ready(drive, task), task.cells.append, calls.answer
        )
        return ending(task, result)

    return await on_cluster(drive, task, execute)


async def _program(drive: Drive, task: TaskRun, body: ProgramSpec, context: Context) -> State:
    """Run a Python file or an entry point on the cluster of its task."""
    program, resolved = resolved_program(body, context, drive.run.parameters)
    task.resolved = resolved
    path = program.path if isinstance(program, PythonFileSpec) else ""
    code = await program_code(drive, program)
    if isinstance(code, State):
        task.error = code.message
        return code

    async def execute(cluster: Cluster) -> State:
        calls = TaskCalls(drive, task, cluster, path)
        result = await drive.tools.executor.run_program(
            cluster, program, code, on_ready(drive, task), calls.answer
        )
        return ending(task, result)

    return await on_cluster(drive, task, execute)


def on_ready(drive: Drive, task: TaskRun) -> Callable[[], None]:
    """What marks a task as running."""
    return lambda: drive.set_task(task, states.RUNNING)


def ending(task: TaskRun, result: TaskResult) -> State:
    """Take over how a program or notebook ended."""
    task.exit_value, task.exit_truncated = result.exit_value, result.exit_truncated
    task.error, task.error_trace = result.error, result.error_trace
    task.logs, task.logs_truncated = result.logs, result.logs_truncated
    return states.WORKLOAD_FAILURE if result.error else states.SUCCESS
