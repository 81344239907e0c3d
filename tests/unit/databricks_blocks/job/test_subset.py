"""A new run of a part of the tasks, where a submitted run cannot be repaired."""

from __future__ import annotations

from typing import Any

import pytest
from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.request_bodies import submit_body
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.subset import subset_submit_body, tasks_for_new_submit
from databricks_blocks.job.tasks import DatabricksTask, notebook_task
from databricks_blocks.job.validation import problems
from hypothesis import given
from hypothesis import strategies as st

CLUSTER = {"spark_version": "x", "num_workers": 1}


def task(key: str, *after: Any, **fields: Any) -> DatabricksTask:
    return notebook_task(key, f"/{key}", depends_on=after, job_cluster_key="main", **fields)


def condition(key: str, *after: Any, left: str = "1") -> DatabricksTask:
    body = {"condition_task": {"op": "EQUAL_TO", "left": left, "right": "1"}}
    return DatabricksTask(task_key=key, body=body, depends_on=after)


def job(*tasks: DatabricksTask, **fields: Any) -> JobSpecification:
    return JobSpecification(name="nightly", tasks=list(tasks), job_clusters={"main": CLUSTER}, **fields)


CHAIN = job(task("a"), task("b", "a"), task("c", "b"), task("d", "a"), task("e", "c", "d"))
VALUE = {"x": "{{tasks.a.values.x}}"}


@pytest.mark.parametrize(
    ("specification", "failed", "expected"),
    [
        (CHAIN, ["b"], ["b", "c", "e"]),
        (CHAIN, ["a"], ["a", "b", "c", "d", "e"]),
        (CHAIN, ["e"], ["e"]),
        (CHAIN, [], []),
        # Values stay in the run that set them.
        (job(task("a"), task("b", "a", parameters=VALUE), task("c", "b")), ["b"], ["a", "b", "c"]),
        (job(task("a"), task("b", "a", parameters=VALUE), task("c", "b")), ["c"], ["c"]),
        (job(task("a"), task("b", "a", needs_values_of=["a"])), ["b"], ["a", "b"]),
        (job(task("a"), task("b", "a"), notebook_params={}), ["b"], ["b"]),
        # ... also those that the sources of values need themselves
        (
            job(
                task("a"),
                task("b", "a", parameters=VALUE),
                task("c", "b", parameters={"y": "{{tasks.b.values.y}}"}),
            ),
            ["c"],
            ["a", "b", "c"],
        ),
        # An outcome decides about the task: its condition comes along.
        (job(condition("if"), task("b", {"task_key": "if", "outcome": "true"})), ["b"], ["if", "b"]),
        # What waits for failures only has no turn when another task before it ended well.
        (job(task("a"), task("b"), task("c", "a", "b", run_if="ALL_FAILED")), ["a"], ["a"]),
        (job(task("a"), task("b"), task("c", "a", "b", run_if="ALL_FAILED")), ["a", "b"], ["a", "b", "c"]),
    ],
)
def test_failed_tasks_come_with_those_after_them_and_those_whose_values_they_read(
    specification: JobSpecification, failed: list[str], expected: list[str]
) -> None:
    assert tasks_for_new_submit(specification, failed) == expected


def test_values_that_all_notebooks_get_by_reference_count_too() -> None:
    specification = job(task("a"), task("b", "a"), notebook_params={"x": "{{ tasks.`a`.values.x }}"})
    assert tasks_for_new_submit(specification, ["b"]) == ["a", "b"]


def tasks_of(body: dict[str, Any]) -> dict[str, Any]:
    return {item["task_key"]: item for item in body["tasks"]}


@pytest.mark.parametrize(
    ("run_if", "kept", "expected"),
    [
        ("", ["b", "c"], {"depends_on": [{"task_key": "b"}]}),
        ("NONE_FAILED", ["b", "c"], {"depends_on": [{"task_key": "b"}], "run_if": "NONE_FAILED"}),
        ("ALL_DONE", ["b", "c"], {"depends_on": [{"task_key": "b"}], "run_if": "ALL_DONE"}),
        # One of those before it has ended well, so it runs whatever the others do.
        ("AT_LEAST_ONE_SUCCESS", ["b", "c"], {"depends_on": [{"task_key": "b"}], "run_if": "ALL_DONE"}),
        (
            "AT_LEAST_ONE_FAILED",
            ["b", "c"],
            {"depends_on": [{"task_key": "b"}], "run_if": "AT_LEAST_ONE_FAILED"},
        ),
        # It was asked for and there is nothing left to wait for.
        ("AT_LEAST_ONE_FAILED", ["c"], {}),
        (
            "ALL_DONE",
            ["a", "b", "c"],
            {"depends_on": [{"task_key": "a"}, {"task_key": "b"}], "run_if": "ALL_DONE"},
        ),
    ],
)
def test_a_dependency_that_is_left_out_counts_as_ended_well(
    run_if: str, kept: list[str], expected: dict[str, Any]
) -> None:
    specification = job(task("a"), task("b"), task("c", "a", "b", run_if=run_if))
    found = tasks_of(subset_submit_body(specification, kept, token="t"))
    assert list(found) == kept
    waiting = {name: found["c"][name] for name in ("depends_on", "run_if") if name in found["c"]}
    assert waiting == expected


def test_what_reads_a_value_still_waits_for_the_task_that_sets_it() -> None:
    specification = job(
        task("a"), task("good", "a"), task("bad", "good"), task("c", "bad", "good", parameters=VALUE)
    )
    keys = tasks_for_new_submit(specification, ["bad"])
    found = tasks_of(subset_submit_body(specification, keys, token="t"))
    assert {key: item.get("depends_on", []) for key, item in found.items()} == {
        "a": [],
        "bad": [{"task_key": "a"}],
        "c": [{"task_key": "bad"}, {"task_key": "a"}],
    }


def test_a_task_asked_for_alone_forgets_failures_it_waited_for_but_not_its_order() -> None:
    specification = job(task("x"), task("a", "x"), task("c", "a", run_if="AT_LEAST_ONE_FAILED"))
    found = tasks_of(subset_submit_body(specification, ["x", "c"], token="t"))
    assert found["c"]["depends_on"] == [{"task_key": "x"}]
    assert "run_if" not in found["c"]


BRANCH = job(
    task("a"),
    condition("if", "a", left="{{tasks.a.values.x}}"),
    task("b", {"task_key": "if", "outcome": "true"}),
    task("f"),
    task("c", "f", {"task_key": "if", "outcome": "false"}),
)


def test_a_known_outcome_is_kept_so_that_what_it_needed_does_not_run_again() -> None:
    outcomes = {"if": "true"}
    keys = tasks_for_new_submit(BRANCH, ["f"], outcomes=outcomes)
    assert keys == ["if", "f", "c"]
    found = tasks_of(subset_submit_body(BRANCH, keys, token="t", outcomes=outcomes))
    assert found["if"] == {
        "task_key": "if",
        "condition_task": {"op": "EQUAL_TO", "left": "true", "right": "true"},
    }
    # `c` is still for the other outcome, and is excluded as it was.
    assert found["c"]["depends_on"] == [{"task_key": "f"}, {"task_key": "if", "outcome": "false"}]


def test_an_unknown_outcome_is_decided_again() -> None:
    keys = tasks_for_new_submit(BRANCH, ["f"])
    assert keys == ["a", "if", "f", "c"]
    found = tasks_of(subset_submit_body(BRANCH, keys, token="t"))
    assert found["if"]["condition_task"]["left"] == "{{tasks.a.values.x}}"


def test_an_outcome_that_hangs_on_a_failed_task_is_decided_again() -> None:
    outcomes = {"if": "true"}
    keys = tasks_for_new_submit(BRANCH, ["a"], outcomes=outcomes)
    found = tasks_of(subset_submit_body(BRANCH, keys, token="t", outcomes=outcomes))
    assert found["if"]["condition_task"]["left"] == "{{tasks.a.values.x}}"
    assert found["if"]["depends_on"] == [{"task_key": "a"}]


def test_a_condition_after_a_failed_task_needs_its_values_again() -> None:
    specification = job(task("a"), task("f"), condition("if", "f", left="{{tasks.a.values.x}}"))
    assert tasks_for_new_submit(specification, ["f"], outcomes={"if": "true"}) == ["a", "f", "if"]


def test_clusters_and_parameters_are_those_of_the_first_run() -> None:
    specification = job(task("a"), task("b", "a"), notebook_params={"day": "1"})
    whole = tasks_of(submit_body(specification, token="t"))
    again = tasks_of(subset_submit_body(specification, ["b"], token="t"))
    assert again["b"] == {name: value for name, value in whole["b"].items() if name != "depends_on"}


def test_values_of_tasks_that_are_left_out_and_unknown_tasks_are_refused() -> None:
    specification = job(task("a"), task("b", "a", parameters=VALUE))
    with pytest.raises(InvalidJob, match="Task `b` reads values of `a`"):
        subset_submit_body(specification, ["b"], token="t")
    with pytest.raises(InvalidJob, match="Job `nightly` has no task `x`"):
        subset_submit_body(specification, ["x"], token="t")
    with pytest.raises(InvalidJob, match="Job `nightly` has no task `x`"):
        tasks_for_new_submit(specification, ["x"])


@st.composite
def jobs_with_failures(draw: st.DrawFn) -> tuple[JobSpecification, list[str]]:
    tasks: list[DatabricksTask] = []
    for number in range(draw(st.integers(1, 8))):
        earlier = [item.task_key for item in tasks]
        pick = st.lists(st.sampled_from(earlier), unique=True, max_size=3) if earlier else st.just([])
        run_if = draw(st.sampled_from(["", "ALL_DONE", "AT_LEAST_ONE_SUCCESS", "NONE_FAILED"]))
        tasks.append(task(f"t{number}", *draw(pick), needs_values_of=draw(pick), run_if=run_if))
    failed = draw(st.lists(st.sampled_from([item.task_key for item in tasks]), unique=True, min_size=1))
    return job(*tasks), failed


def before(upstream: dict[str, list[str]], key: str) -> set[str]:
    direct = set(upstream[key])
    return direct.union(*(before(upstream, name) for name in direct))


@given(jobs_with_failures())
def test_the_new_run_keeps_the_order_of_its_tasks(drawn: tuple[JobSpecification, list[str]]) -> None:
    specification, failed = drawn
    keys = tasks_for_new_submit(specification, failed)
    body = subset_submit_body(specification, keys, token="t")
    old = {item.task_key: item.upstream for item in specification.tasks}
    new = {
        key: [dependency["task_key"] for dependency in item.get("depends_on", [])]
        for key, item in tasks_of(body).items()
    }
    for key in keys:
        assert before(new, key) == before(old, key) & set(keys)


@given(jobs_with_failures())
def test_the_new_run_is_valid_whole_and_no_larger_than_it_has_to_be(
    drawn: tuple[JobSpecification, list[str]],
) -> None:
    specification, failed = drawn
    keys = tasks_for_new_submit(specification, failed)
    body = subset_submit_body(specification, keys, token="t")
    again, _ = JobSpecification.from_settings({"name": body["run_name"], "tasks": body["tasks"]})
    assert problems(again) == []
    assert [item.task_key for item in again.tasks] == keys
    by_key = {item.task_key: item for item in specification.tasks}
    for key in keys:
        needed = any(key in by_key[other].needs_values_of for other in keys)
        after_failed = any(upstream in keys for upstream in by_key[key].upstream)
        assert key in failed or needed or after_failed
    for item in specification.tasks:
        if item.task_key in keys:
            assert set(item.needs_values_of) <= set(keys)
