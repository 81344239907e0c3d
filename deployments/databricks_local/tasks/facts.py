"""Collects the values that the dynamic value references of a task stand for."""

from dataclasses import replace
from typing import Any

from databricks_local.jobs.specs import NotebookSpec
from databricks_local.runs.drive import Drive
from databricks_local.runs.models import TaskRun
from databricks_local.tasks.references import Context, TaskFacts, resolve_all


def context_of(drive: Drive, task: TaskRun, inputs: tuple[Any, ...]) -> Context:
    """The context of a task that is about to run. The parameters of the job are resolved already."""
    run = drive.run

    def find(key: str) -> TaskFacts | None:
        found = drive.latest.get(key)
        return None if found is None else facts_of(found)

    context = Context(
        job_id=run.job_id,
        job_name=run.spec.name,
        run_id=run.run_id,
        repair_count=len(run.rounds) - 1,
        start_time=run.start_time,
        trigger=run.spec.trigger,
        parameters={},
        task=facts_of(task),
        find_task=find,
        workspace_id=drive.tools.links.workspace_id,
        workspace_url=drive.tools.links.origin,
        inputs=inputs,
        trigger_time=run.spec.trigger_time,
        trigger_references=run.spec.trigger_references,
    )
    # Parameters may refer to the run, and are what the other fields refer to.
    return replace(context, parameters=resolve_all(run.parameters.job, context))


def facts_of(task: TaskRun) -> TaskFacts:
    """What references can say about a task run."""
    body = task.spec.body
    return TaskFacts(
        name=task.spec.key,
        run_id=task.run_id,
        execution_count=task.attempt_number + 1,
        notebook_path=body.path if isinstance(body, NotebookSpec) else "",
        result_state=task.state.result.value if task.state.result else "",
        termination_code=task.state.code,
        values=task.values,
    )
