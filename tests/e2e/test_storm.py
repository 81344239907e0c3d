"""Many runs in a storm of faults, in flow processes killed at random: none doubled, lost or misjudged.

CI takes a short storm; the mark `matrix` has three long ones.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Literal, cast

from databricks_blocks.job.cluster import JobCluster
from databricks_blocks.job.specification import JobSpecification, LaunchMode
from databricks_blocks.job.tasks import DatabricksTask, notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.repair_policy import RepairPolicy
from databricks_blocks.workspace.polling import PollingPolicy
from databricks_local import Faults
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

from .conftest import ImportNotebook, Stack, until
from .flow_processes import create_flow_run, flow_process, kill, press_retry, run, state_of
from .matrix import cases
from .outer_flow import many

STORMS = {"40 runs": (40, 4), **{f"300 runs, seed {seed}": (300, seed) for seed in (1, 2, 3)}}
RUNS_OF_A_PROCESS, AT_ONCE, PROCESSES_AT_ONCE = 20, 10, 2
MAX_REPAIRS = 2
POLICY = RunPolicy(
    repair=RepairPolicy(max_repairs=MAX_REPAIRS, wait_seconds=0.1),
    polling=PollingPolicy(max_unreachable=120),
)
ALWAYS = 100

# Of the requests that the runs make, about one in seven has a fault.
HTTP_FAULTS: list[dict[str, Any]] = [
    {"status": 429, "retry_after": "1"},
    {"status": 500},
    {"status": 503, "body": "<html>busy</html>"},
    {"effect": "reset", "when": "before"},
    {"effect": "reset", "when": "after"},
    {"effect": "half"},
    {"delay_seconds": 0.5},
]
TASK_FAULTS: list[dict[str, Any]] = [
    {"effect": "fail", "error": "OSError: the source is away"},
    {"effect": "driver_lost"},
    {"effect": "spot_loss"},
    {"effect": "cluster_failure"},
]
IN_VAIN = {"effect": "fail", "error": "AnalysisException: no such column", "count": ALWAYS}


@dataclass(frozen=True)
class Case:
    """A run, and what has to come of it.

    Attributes:
        fault: Of its first task; its `count` is how many attempts fail.
        least: Attempts at the first task; `most` likewise.
        calls: How many equal calls there are at once; each has a run of its own.
        in_task: Whether it is called in a task with a retry.
    """

    job: JobSpecification
    fault: dict[str, Any] | None
    ends: Literal["COMPLETED", "FAILED"]
    least: int
    most: int
    calls: int = 1
    in_task: bool = False


@cases("storm", STORMS, "40 runs")
def test_a_storm(stack: Stack, faults: Faults, notebook: ImportNotebook, storm: tuple[int, int]) -> None:
    runs, seed = storm
    dice = random.Random(seed)
    path = notebook("quick", "dbutils.notebook.exit('done')")
    for number, fault in enumerate(HTTP_FAULTS):
        faults.add(path="/api/*/jobs/*", probability=0.02, seed=seed + number, **fault)
    groups: list[tuple[list[Case], list[float]]] = []
    for first in range(0, runs, RUNS_OF_A_PROCESS):
        kills = [dice.uniform(0, 5) for _ in range(dice.choice([0, 1, 1, 2]) if first else 1)]
        numbers = range(first, min(first + RUNS_OF_A_PROCESS, runs))
        groups.append(([case_of(dice, path, number, len(kills)) for number in numbers], kills))
    cases = [case for group, _ in groups for case in group]
    for case in cases:
        if case.fault is not None:
            faults.add(task_key="work", run_name=case.job.name, **case.fault)
    with ThreadPoolExecutor(PROCESSES_AT_ONCE) as pool:
        # Where the Prefect server is, stands in the context.
        running = [pool.submit(copy_context().run, run_group, *group) for group in groups]
        ended = [group.result() for group in running]
    faults.clear()
    assert ended == ["COMPLETED"] * len(groups)
    assert [wrong for case in cases for wrong in what_is_wrong(stack, case)] == []


def case_of(dice: random.Random, path: str, number: int, kills: int) -> Case:
    """Draw a case; each start of the flow after a kill may repair a run that it finds failed."""
    launch = cast(LaunchMode, dice.choice(["submit", "run_now"]))
    job = JobSpecification(
        name=f"storm of {time.time_ns()}: {number}",
        launch=launch,
        job_clusters={"shared": JobCluster().specification()},
        tasks=[
            notebook_task("work", path, job_cluster_key="shared"),
            DatabricksTask(
                task_key="after",
                depends_on=["work"],
                body={"condition_task": {"op": "EQUAL_TO", "left": "1", "right": "1"}},
            ),
        ],
    )
    in_task = dice.random() < 0.3
    starts = (1 + kills) * (2 if in_task else 1)
    most = starts * (MAX_REPAIRS + 1)
    kind = dice.random()
    if kind < 0.3:
        calls = dice.choice([1, 1, 2, 3])
        return Case(job, None, "COMPLETED", calls, calls, calls, in_task)
    if kind < 0.8:
        fails = dice.randint(1, MAX_REPAIRS)
        fault = {**dice.choice(TASK_FAULTS), "count": fails}
        return Case(job, fault, "COMPLETED", fails + 1, fails + 1, in_task=in_task)
    if kind < 0.9:
        fault = {**dice.choice(TASK_FAULTS), "count": ALWAYS}
        return Case(job, fault, "FAILED", MAX_REPAIRS + 1, most, in_task=in_task)
    return Case(job, IN_VAIN, "FAILED", 1, most if starts > 1 else 1, in_task=in_task)


def run_group(cases: list[Case], kills: list[float]) -> str:
    """Run the cases in one flow run, and kill its process some seconds after it has begun."""
    jobs = [case.job for case in cases for _ in range(case.calls)]
    in_tasks = [case.job.name for case in cases if case.in_task]
    flow_run_id = create_flow_run(many, jobs=jobs, policy=POLICY, at_once=AT_ONCE, in_tasks=in_tasks)
    for seconds in kills:
        with flow_process(flow_run_id) as process:
            until(lambda: state_of(flow_run_id) == "RUNNING")
            time.sleep(seconds)
            kill(process)
        press_retry(flow_run_id)
    return run(flow_run_id, seconds=900)


def what_is_wrong(stack: Stack, case: Case) -> list[str]:
    """What is not as it should be about the runs of a case, in Databricks and in Prefect."""
    client = stack.databricks()
    listed = [found.run_id for found in client.jobs.list_runs() if found.run_name == case.job.name]
    runs = [client.jobs.get_run(run_id, include_history=True) for run_id in listed if run_id]
    tasks = sorted(
        (task for one in runs for task in one.tasks or ()),
        key=lambda task: (task.start_time or 0, task.run_id or 0),
    )
    work = [
        task.state.result_state.value
        for task in tasks
        if task.task_key == "work" and task.state and task.state.result_state
    ]
    after = [
        task
        for task in tasks
        if task.task_key == "after"
        and task.state
        and task.state.result_state
        and task.state.result_state.value == "SUCCESS"
    ]
    shown = prefect_states(case.job.name)
    checks = {
        "a run has not ended": all(one.end_time for one in runs),
        "the last state in Prefect": shown[-1:] == [case.ends],
        "number of runs": len(runs) == (len(work) if case.job.launch == "submit" else case.calls),
        "number of attempts": case.least <= len(work) <= case.most,
        "success once a call and last": work.count("SUCCESS")
        == work[-case.calls :].count("SUCCESS")
        == (case.calls if case.ends == "COMPLETED" else 0),
        "the task after it": len(after) == (case.calls if case.ends == "COMPLETED" else 0),
    }
    facts = (
        f"{case.job.name} ({case.job.launch}, {case.fault}): work {work}, {len(runs)} runs, Prefect {shown}"
    )
    return [f"{name}: {facts}" for name, is_right in checks.items() if not is_right]


def prefect_states(name: str) -> list[str]:
    """The states of the subflow's flow runs of a job, the oldest first."""
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(any_=[name])))
    return [one.state.type.value for one in sorted(found, key=lambda one: one.created) if one.state]
