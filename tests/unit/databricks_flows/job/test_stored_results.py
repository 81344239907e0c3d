"""Tasks whose stored results a retry takes are told apart by what they were given."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest
from databricks_flows.job.stored_results import inputs_of_task
from prefect import task
from prefect.cache_policies import INPUTS, NO_CACHE, RUN_ID, TASK_SOURCE


def load(i: object, j: int = 0) -> None:
    """Load."""


def given(inputs: dict[str, Any], *, persist_result: bool = True, **options: Any) -> str:
    made = task(persist_result=persist_result, **options)(load)
    context = SimpleNamespace(task=made, persist_result=persist_result, parameters=inputs)
    return inputs_of_task(cast("Any", context))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cache_policy": INPUTS},
        {"cache_policy": TASK_SOURCE + RUN_ID},
        {"cache_key_fn": lambda _context, parameters: str(parameters["i"])},
    ],
    ids=["default", "inputs", "source and run", "function"],
)
def test_stored_tasks_are_told_apart_by_what_they_were_given(options: dict[str, Any]) -> None:
    assert given({"i": 1}, **options) == given({"i": 1}, **options) != ""
    assert given({"i": 1}, **options) != given({"i": 2}, **options)


def test_what_the_user_excludes_from_the_key_does_not_count() -> None:
    policy = INPUTS - "j"
    assert given({"i": 1, "j": 1}, cache_policy=policy) == given({"i": 1, "j": 2}, cache_policy=policy) != ""


def test_corrected_code_is_the_same_call() -> None:
    @task(persist_result=True)
    def corrected(i: object, j: int = 0) -> None:
        """Load, corrected."""

    context = SimpleNamespace(task=corrected, persist_result=True, parameters={"i": 1})
    assert inputs_of_task(cast("Any", context)) == given({"i": 1})


@pytest.mark.parametrize(
    ("inputs", "options"),
    [
        ({"i": 1}, {"persist_result": False}),
        ({"i": 1}, {"cache_policy": NO_CACHE}),
        ({"i": threading.Lock()}, {}),
        ({}, {}),
    ],
    ids=["not stored", "no cache", "no key can be made", "nothing given"],
)
def test_a_task_that_a_retry_runs_again_is_told_by_its_name_alone(
    inputs: dict[str, Any], options: dict[str, Any]
) -> None:
    assert given(inputs, **options) == ""
