"""Whether, when and how a run that failed is repaired. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from databricks_blocks.job.task_json import merged
from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt

NEVER_REPAIRED = (
    r"\b(AnalysisException|ParseException|SyntaxError|IndentationError|NameError|ModuleNotFoundError)\b",
    r"^(UNAUTHORIZED_ERROR|RESOURCE_NOT_FOUND|FEATURE_DISABLED|BUDGET_POLICY_LIMIT_EXCEEDED)\b",
    r"^(INVALID_CLUSTER_REQUEST|INVALID_RUN_CONFIGURATION|BREAKING_CHANGE|CLUSTER_TERMINATED_BY_USER)\b",
)
"""Permanent errors, by the name of the exception or the termination code: running again does not help."""

SPOT_LOSS_OR_NO_CAPACITY = r"SPOT|INSUFFICIENT_INSTANCE_CAPACITY|CLOUD_FAILURE|STOCKOUT"
"""For `NewSettings.on`: lost spot machines, and machines that the cloud does not have."""


class NewSettings(BaseModel):
    """Cluster settings that a repair changes after certain errors."""

    model_config = ConfigDict(frozen=True)

    on: str = Field(
        default=SPOT_LOSS_OR_NO_CAPACITY,
        description="Regular expression that is looked for in termination code, message and error of a task.",
    )
    cluster: dict[str, Any] = Field(
        description="What is merged into every cluster, such as "
        '{"aws_attributes": {"availability": "ON_DEMAND"}}.'
    )

    @field_validator("on")
    @classmethod
    def _is_pattern(cls, pattern: str) -> str:
        return _checked_pattern(pattern)


class RepairPolicy(BaseModel):
    """When a failed run is repaired, and how.

    Examples:
        >>> from databricks_flows import RepairPolicy
        >>> policy = RepairPolicy(max_repairs=3, wait_seconds=10, backoff_factor=2)
        >>> [policy.wait(repairs_before, chance=0) for repairs_before in range(3)]
        [10.0, 20.0, 40.0]
    """

    model_config = ConfigDict(
        frozen=True,
        # Forms in the Prefect UI show this, without the example.
        json_schema_extra={"description": "When a failed run is repaired, and how."},
    )

    max_repairs: int = Field(default=2, ge=0, description="How often a failed run is repaired by itself.")
    wait_seconds: float = Field(default=5.0, ge=0, description="Seconds before the first repair.")
    backoff_factor: float = Field(
        default=2.0, ge=1, description="By how much the wait grows from one repair to the next."
    )
    jitter: float = Field(
        default=0.2, ge=0, le=1, description="Share by which a wait may be longer, chosen at random."
    )
    max_wait_seconds: float = Field(
        default=600.0, ge=0, description="Seconds that the wait before a repair does not exceed."
    )
    rerun_dependents: bool = Field(
        default=True, description="Whether tasks that depend on a repaired one run again, too."
    )
    never_repair: tuple[str, ...] = Field(
        default=NEVER_REPAIRED,
        description="Regular expressions of errors that no repair can mend; each is looked for in "
        "termination code, message and error of a task.",
    )
    new_settings: tuple[NewSettings, ...] = Field(
        default=(), description="Cluster settings that change for the repair after certain errors."
    )
    ask: bool = Field(
        default=False,
        description="Whether the flow pauses and asks a person in the Prefect UI when it would give up.",
    )
    ask_timeout_seconds: int = Field(
        default=3600, gt=0, description="Seconds for which the flow waits for an answer."
    )

    @field_validator("never_repair")
    @classmethod
    def _are_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_checked_pattern, patterns))

    def wait(self, repairs_of_this_start: int, chance: float) -> float:
        """Seconds before a repair.

        Args:
            repairs_of_this_start: How many this start of the flow has made before.
            chance: A random number from 0 to 1.
        """
        wait = self.wait_seconds * self.backoff_factor**repairs_of_this_start * (1 + self.jitter * chance)
        return min(wait, self.max_wait_seconds)


@dataclass(frozen=True)
class Repair:
    """A repair that is to be made.

    Attributes:
        task_keys: The tasks to run again; empty: all that failed.
        rerun_dependents: Whether tasks that depend on them run again, too.
        new_settings: Settings that are merged into every cluster.
        job_parameters: Values that replace those of the launch.
        reason: Why, for the log.
        number: Which repair of the run it is, from 1; 0 if a person asks for it.
        allowed: How many repairs the run may have.
        wait_seconds: Seconds until it is requested.
    """

    task_keys: tuple[str, ...] = ()
    rerun_dependents: bool = True
    new_settings: Mapping[str, Any] = field(default_factory=dict)
    job_parameters: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    number: int = 0
    allowed: int = 0
    wait_seconds: float = 0.0

    def __str__(self) -> str:
        which = f"repair {self.number} of {self.allowed}" if self.number else "a repair"
        return f"{which} in {self.wait_seconds:.0f} s" if self.wait_seconds else f"{which} now"


@dataclass(frozen=True)
class GiveUp:
    """No repair; the reason is for the log."""

    reason: str


def decide(
    run: RunSnapshot,
    errors: Mapping[str, str],
    policy: RepairPolicy,
    *,
    allowed: int,
    repairs_before: int,
    asked_for: bool = False,
) -> Repair | GiveUp:
    """Decide about a run that ended without success.

    Args:
        run: The run as it ended.
        errors: Error by task key, as `jobs/runs/get-output` tells it.
        policy: What the user wants.
        allowed: How many repairs the run may have in all.
        repairs_before: How many it has had.
        asked_for: Whether a retry of the flow found the run failed. Then it is repaired even if the error is
            permanent or the run was cancelled.
    """
    if repairs_before >= allowed:
        return GiveUp(f"{repairs_before} of {allowed} repairs are used up" if allowed else "none is allowed")
    if asked_for:
        return Repair(rerun_dependents=policy.rerun_dependents, reason="the flow is retried")
    if obstacle := _obstacle(run, errors, policy):
        return GiveUp(obstacle)
    said_by_all = "\n".join(_said(task, errors) for task in run.failed)
    changes = (change.cluster for change in policy.new_settings if re.search(change.on, said_by_all))
    settings: Mapping[str, Any] = reduce(merged, changes, {})
    failed = ", ".join(task.task_key for task in run.failed)
    return Repair(rerun_dependents=policy.rerun_dependents, new_settings=settings, reason=f"failed: {failed}")


def repair_body(
    run: RunSnapshot, repair: Repair, parameters: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Build the body of `jobs/runs/repair`.

    Args:
        run: The run as it is now; from the second repair on, its latest repair has to be named (sdk-py#157).
        repair: What is to be done.
        parameters: The parameters of the launch; Databricks does not repeat them by itself (airflow#64828).
    """
    chosen: dict[str, Any] = (
        {"rerun_tasks": sorted(set(repair.task_keys))}
        if repair.task_keys
        else {"rerun_all_failed_tasks": True}
    )
    body = {"run_id": run.run_id, **chosen, "rerun_dependent_tasks": repair.rerun_dependents}
    if run.repair_ids:
        body["latest_repair_id"] = run.repair_ids[-1]
    sent = dict(parameters or {})
    if repair.job_parameters:
        sent["job_parameters"] = {**sent.get("job_parameters", {}), **repair.job_parameters}
    return {**body, **sent}


def _obstacle(run: RunSnapshot, errors: Mapping[str, str], policy: RepairPolicy) -> str | None:
    """Why a repair would be wrong or useless; `None`: nothing is against it."""
    if run.state.result_state in ("CANCELED", "MAXIMUM_CONCURRENT_RUNS_REACHED"):
        return f"the run ended {run.state}"
    if not run.failed:
        return f"the run ended {run.state}, and no task failed"
    for task in run.failed:
        if task.state.result_state == "CANCELED":
            return f"task {task.task_key} was cancelled"
        said = _said(task, errors)
        for pattern in policy.never_repair:
            if found := re.search(pattern, said):
                return f"task {task.task_key} would fail again: {found.group()}"
    return None


def _said(task: TaskAttempt, errors: Mapping[str, str]) -> str:
    return "\n".join((task.state.termination_code, task.state.state_message, errors.get(task.task_key, "")))


def _checked_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return pattern
