"""The task by which Prefect finds the runs of a subflow again is named after what the call asks for."""

from __future__ import annotations

import asyncio
from typing import Any

import prefect.flow_engine
import pytest
from databricks_flows.job import sync_callable
from databricks_flows.job.subflow import run_databricks_job
from databricks_flows.job.sync_callable import SyncCallableTask, awaited_if_sync
from prefect import Task


@pytest.fixture
def task_key_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    def task_key(*args: Any, **kwargs: Any) -> str:
        called: list[Any] = []
        monkeypatch.setattr(prefect.flow_engine, "run_flow", lambda flow, **_: called.append(flow))
        run_databricks_job(*args, **kwargs)
        (flow,) = called
        assert flow.name == "run-databricks-job"
        return Task(name=flow.name, fn=flow.fn).task_key

    return task_key


def test_calls_that_ask_for_the_same_have_the_same_key(task_key_of: Any) -> None:
    key = task_key_of("nightly", "workspace", job_parameters={"n": "1"})
    assert key == task_key_of(
        job="nightly", workspace="workspace", job_parameters={"n": "1"}, inputs_since=None
    )
    assert key == task_key_of("nightly", "workspace", None, {"n": "1"}, return_state=True)


@pytest.mark.parametrize(
    "call",
    [
        {"job": "other", "workspace": "workspace", "job_parameters": {"n": "1"}},
        {"job": "nightly", "workspace": "other", "job_parameters": {"n": "1"}},
        {"job": "nightly", "workspace": "workspace", "job_parameters": {"n": "2"}},
        {"job": "nightly", "workspace": "workspace", "job_parameters": {"n": "1"}, "key": "other"},
    ],
)
def test_other_calls_have_another_key(task_key_of: Any, call: dict[str, Any]) -> None:
    assert task_key_of(**call) != task_key_of("nightly", "workspace", job_parameters={"n": "1"})


async def _double(n: int) -> int:
    return 2 * n


def test_an_async_task_keeps_its_class_with_other_options() -> None:
    changed = SyncCallableTask(_double, name="double").with_options(retries=5)
    assert isinstance(changed, SyncCallableTask)
    assert (changed.name, changed.retries, changed.isasync) == ("double", 5, True)


def test_outside_of_flows_and_in_an_event_loop_a_coroutine_stays_one() -> None:
    made = _double(2)
    assert awaited_if_sync(made) is made
    made.close()


@pytest.mark.parametrize("around", ["FlowRunContext", "TaskRunContext"])
def test_in_a_sync_flow_or_task_a_coroutine_is_run_to_its_end(
    monkeypatch: pytest.MonkeyPatch, around: str
) -> None:
    monkeypatch.setattr(getattr(sync_callable, around), "get", object)
    assert awaited_if_sync(_double(2)) == 4
    assert awaited_if_sync("a value") == "a value"

    async def in_a_loop() -> int:
        return int(await awaited_if_sync(_double(3)))

    assert asyncio.run(in_a_loop()) == 6
