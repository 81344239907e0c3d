"""The task by which Prefect finds the runs of a subflow again is named after what the call asks for."""

from __future__ import annotations

from typing import Any

import prefect.flow_engine
import pytest
from databricks_flows.job.subflow import run_databricks_job
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
