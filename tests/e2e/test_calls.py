"""However calls are made, each has one Databricks run, and gets the result of its own run.

Several calls at once in whatever order, in tasks, threads, processes, subflows and deployments; one of them
fails and is repaired by a retry, or the process is killed. Each way with stored results and without; CI takes
a part, the mark `matrix` has the others.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from databricks_blocks.job.specification import JobSpecification
from databricks_flows.job.call_claims import CALL_TAG
from databricks_local import Faults
from prefect import Flow, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, TaskRunFilter, TaskRunFilterTags
from prefect.states import AwaitingRetry

from . import calling_flows as flows
from .conftest import ImportNotebook, Stack, until
from .flow_processes import create_flow_run, flow_process, kill, press_retry, run, worker
from .matrix import cases
from .single_task import outcome, runs_of, single_task

FAILS_ONCE = {"task_key": "only", "error": "OSError: away"}
SECONDS = 240


@dataclass(frozen=True)
class Way:
    """A way to call.

    Attributes:
        calls: The flow that makes the calls.
        ns: Parameter of each call; equal ones are equal calls.
        in_ci: Which of "fails", "fails, stored" and "killed" CI takes.
        waits_for_all: Whether the other calls come to their end before the flow fails. Otherwise they are
            cancelled with it, and the retry repairs them as well.
    """

    calls: Flow[..., Any]
    ns: list[str]
    in_ci: tuple[str, ...] = ()
    waits_for_all: bool = True


WAYS = {
    "gather": Way(flows.gathers, ["1", "2"], ("fails, stored", "killed")),
    "submit": Way(flows.submits, ["1", "2", "2"], ("fails",), waits_for_all=False),
    "map": Way(flows.maps, [str(n) for n in range(20)], ("killed",), waits_for_all=False),
    "processes": Way(flows.uses_processes, ["1", "2", "2"], ("fails",), waits_for_all=False),
    "tasks with retries": Way(flows.retries_in_tasks, ["1", "1"], ("fails, stored",)),
    "subflows": Way(flows.has_subflows, ["1", "2", "2"], ("killed",)),
    "subflows in tasks": Way(flows.has_subflows_in_tasks, ["1", "2"], ("fails",)),
    "a loop": Way(flows.loops, ["1", "1", "1"], ("fails, stored",)),
}
ENDINGS = ("fails", "fails, stored", "killed", "killed, stored")
CASES = {f"{name}, {ending}": (way, ending) for name, way in WAYS.items() for ending in ENDINGS}
IN_CI = [f"{name}, {ending}" for name, way in WAYS.items() for ending in way.in_ci]


@pytest.fixture
def job(notebook: ImportNotebook) -> JobSpecification:
    path = notebook("gives back", "dbutils.notebook.exit(dbutils.widgets.get('n'))")
    return single_task(path, "run_now", job_parameters={"n": ""})


def runs_by_n(stack: Stack, job: JobSpecification) -> dict[str, list[str]]:
    """How the runs of a job ended, by the parameter of the call."""
    found: dict[str, list[str]] = {}
    for one in runs_of(stack, job):
        (n,) = (parameter.value or "" for parameter in one.job_parameters or () if parameter.name == "n")
        found.setdefault(n, []).append(outcome(one))
    return found


def attempts_by_outcome(stack: Stack, job: JobSpecification) -> Counter[str]:
    """How many attempts of the tasks of a job's runs ended in which way."""
    return Counter(
        attempt.state.result_state.value
        for one in runs_of(stack, job)
        for attempt in one.tasks or ()
        if attempt.state and attempt.state.result_state
    )


def one_run_for_each(ns: list[str]) -> dict[str, list[str]]:
    return {n: ["SUCCESS"] * count for n, count in Counter(ns).items()}


@cases("case", CASES, *IN_CI)
def test_each_call_has_one_run_and_the_result_of_it(
    stack: Stack,
    faults: Faults,
    job: JobSpecification,
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[Way, str],
) -> None:
    way, ending = case
    if "stored" in ending:
        monkeypatch.setenv("PREFECT_RESULTS_PERSIST_BY_DEFAULT", "true")
    faults.add(**FAILS_ONCE, run_name=job.name)
    flow_run_id = create_flow_run(way.calls, job=job, ns=way.ns)
    if "killed" in ending:
        with flow_process(flow_run_id) as process:
            until(lambda: len(runs_of(stack, job)) >= len(way.ns) // 2, SECONDS)
            kill(process)
        press_retry(flow_run_id)
    assert run(flow_run_id, SECONDS) == "COMPLETED"
    assert runs_by_n(stack, job) == one_run_for_each(way.ns)
    attempts = attempts_by_outcome(stack, job)
    assert attempts["FAILED"] == 1
    if way.waits_for_all:
        assert attempts == {"SUCCESS": len(way.ns), "FAILED": 1}


def test_the_retry_button_repairs_what_failed(stack: Stack, faults: Faults, job: JobSpecification) -> None:
    ns = ["1", "2", "2"]
    faults.add(**FAILS_ONCE, run_name=job.name, count=2)
    flow_run_id = create_flow_run(flows.gathers_without_retries, job=job, ns=ns)
    assert run(flow_run_id, SECONDS) == "FAILED"
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run_id, AwaitingRetry())
    assert run(flow_run_id, SECONDS) == "COMPLETED"
    assert runs_by_n(stack, job) == one_run_for_each(ns)


def test_equal_children_have_a_run_each(stack: Stack, faults: Faults, job: JobSpecification) -> None:
    with worker("children"):
        create_flow_run(flows.child, "children", job=job, n="0")
        until(lambda: runs_by_n(stack, job).get("0") == ["SUCCESS"], SECONDS)
        faults.add(**FAILS_ONCE, run_name=job.name)
        flow_run_id = create_flow_run(flows.has_deployments, job=job, ns=["1", "1"])
        assert run(flow_run_id, SECONDS) == "COMPLETED"
    assert runs_by_n(stack, job) == one_run_for_each(["0", "1", "1"])
    # In the retry both children claim again.
    assert sorted(claims(flow_run_id)) == [f"databricks-call {job.name} #{n} COMPLETED" for n in (1, 1, 2, 2)]


def test_a_retry_of_a_task_attaches_to_the_run_that_is_under_way(
    stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    running = tmp_path / "running"
    body = f"import time, pathlib\npathlib.Path({str(running)!r}).touch()\ntime.sleep(15)"
    path = notebook("slow", f"{body}\ndbutils.notebook.exit(dbutils.widgets.get('n'))")
    job = single_task(path, "run_now", job_parameters={"n": ""})
    flow_run_id = create_flow_run(flows.retries_while_it_runs, job=job, ns=["1"], is_running=str(running))
    assert run(flow_run_id, SECONDS) == "COMPLETED"
    assert runs_by_n(stack, job) == one_run_for_each(["1"])
    assert claims(flow_run_id) == []


def claims(flow_run_id: UUID) -> list[str]:
    """The task runs that count equal calls in other processes, with their states."""
    with get_client(sync_client=True) as client:
        found = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id])),
            task_run_filter=TaskRunFilter(tags=TaskRunFilterTags(all_=[CALL_TAG])),
        )
    return [f"{one.name} {one.state_type.value}" for one in found if one.state_type]
