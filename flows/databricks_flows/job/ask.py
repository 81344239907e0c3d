"""Asks a person in the Prefect UI what to do with a failed run, before the flow gives up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from databricks_blocks.run.observer import Ask
from databricks_blocks.run.repair_policy import GiveUp, Repair, RepairPolicy
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.safe_text import markdown_code, markdown_link, markdown_text
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import apause_flow_run
from prefect.input import RunInput
from pydantic import Field

_SECONDS_BETWEEN_LOOKS = 2


class RepairForm(RunInput):
    """The form that the person fills in."""

    action: Literal["repair all that failed", "repair these tasks", "give up"] = Field(
        default="repair all that failed", description="What to do with the run."
    )
    tasks: list[str] = Field(default=[], description="Keys of the tasks, for 'repair these tasks'.")
    job_parameters: dict[str, str] = Field(
        default={}, description="Values of job parameters; they replace those of the launch."
    )


def asking(policy: RepairPolicy) -> Ask:
    """Make the function that asks.

    Args:
        policy: Says how long to wait for the answer.
    """

    async def ask(run: RunSnapshot, errors: Mapping[str, str], decision: GiveUp) -> Repair | GiveUp:
        form = RepairForm.with_initial_data(description=_question(run, errors, decision))
        try:
            # A key for each question: the flow may ask again after a repair.
            answer = await apause_flow_run(
                wait_for_input=form,
                timeout=policy.ask_timeout_seconds,
                poll_interval=_SECONDS_BETWEEN_LOOKS,
                key=f"repair-{run.run_id}-{len(run.attempts)}",
            )
        except FlowPauseTimeout:
            return GiveUp(f"{decision.reason}, and nobody answered")
        return answered(answer, run, policy)

    return ask


def answered(answer: RepairForm, run: RunSnapshot, policy: RepairPolicy) -> Repair | GiveUp:
    """Decide by the answer: repair, or give up."""
    if answer.action == "give up":
        return GiveUp("a person gave it up")
    unknown = sorted(set(answer.tasks) - {task.task_key for task in run.tasks})
    if unknown:
        return GiveUp(f"the answer names tasks that the run does not have: {', '.join(unknown)}")
    return Repair(
        task_keys=tuple(answer.tasks) if answer.action == "repair these tasks" else (),
        rerun_dependents=policy.rerun_dependents,
        job_parameters=answer.job_parameters,
        reason="a person asked for it",
    )


def _question(run: RunSnapshot, errors: Mapping[str, str], decision: GiveUp) -> str:
    failed = "\n".join(
        f"- {markdown_code(task.task_key)}, "
        f"{markdown_link(f'attempt {task.attempt_number + 1}', task.run_page_url)}: "
        f"{markdown_text(errors.get(task.task_key) or task.state.state_message)}"
        for task in run.failed
    )
    link = markdown_link(run.run_name or str(run.run_id), run.run_page_url)
    return (
        f"Databricks run {link} ended {run.state}:\n\n{failed}\n\n"
        f"It is not repaired by itself: {markdown_text(decision.reason)}."
    )
