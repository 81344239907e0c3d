"""Tells apart the tasks and subflows whose stored results a retry of their flow takes, and so runs no more.

What is called in one of them is not called again by the retry. The next equal call must not take its place.
Which is which is told by what they were given: the order of calls is no use, nor the code, which a retry may
have corrected.
"""

from __future__ import annotations

from uuid import UUID

from databricks_blocks.private_prefect import contexts_around
from databricks_blocks.run.launchers import fingerprint
from prefect.cache_policies import INPUTS, NO_CACHE, CachePolicy, CompoundCachePolicy, Inputs
from prefect.context import FlowRunContext, TaskRunContext


def inputs_of_stored() -> dict[UUID, str]:
    """Hash what the tasks and subflows around this code were given, if stored results are found by it."""
    inputs = {context.task_run.id: inputs_of_task(context) for context in contexts_around(TaskRunContext)}
    for flow in contexts_around(FlowRunContext):
        if flow.flow_run is not None and flow.persist_result:
            inputs[flow.flow_run.id] = fingerprint(flow.flow_run.parameters)
    return inputs


def inputs_of_task(context: TaskRunContext) -> str:
    """Hash what a task was given; empty if Prefect does not find a stored result of it by that.

    Args:
        context: The context of the task.
    """
    policy = context.task.cache_policy
    if not (context.persist_result and isinstance(policy, CachePolicy)) or policy == NO_CACHE:
        return ""
    parts = policy.policies if isinstance(policy, CompoundCachePolicy) else [policy]
    inputs = next((part for part in parts if isinstance(part, Inputs)), INPUTS)
    try:
        return inputs.compute_key(context, context.parameters, {}) or ""
    except ValueError:
        # Prefect cannot make a key of them either, and stores nothing.
        return ""
