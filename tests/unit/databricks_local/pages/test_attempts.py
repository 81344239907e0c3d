"""Tables of attempts and iterations."""

import json

import pytest
from databricks_local.jobs.specs import (
    Body,
    ConditionSpec,
    ForEachSpec,
    NotebookSpec,
    PythonFileSpec,
    PythonWheelSpec,
    RunJobSpec,
)
from databricks_local.pages.attempts import MAX_ITERATIONS, attempts_of, iterations_of, what
from databricks_local.runs import states
from databricks_local.runs.models import TaskRun

from tests.unit.databricks_local.pages.page_lab import end, make_run, spec


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (NotebookSpec("/Shared/a"), "/Shared/a"),
        (PythonFileSpec("/a.py"), "/a.py"),
        (PythonWheelSpec("package", "main"), "package: main"),
        (RunJobSpec(12), "Run job 12"),
        (ConditionSpec("EQUAL_TO", "{{x}}", "1"), "{{x}} EQUAL_TO 1"),
        (ForEachSpec("[1]", spec("a")), "For each: /x/a"),
    ],
)
def test_what_a_task_does(body: Body, text: str) -> None:
    assert what(body) == text


def test_the_column_of_errors_is_left_out_without_errors() -> None:
    run = make_run(spec("a"), spec("b"))
    end(run.tasks[0], states.SUCCESS)
    end(run.tasks[1], states.SUCCESS)
    assert not attempts_of(run, 7_000).with_errors
    end(run.tasks[1], states.WORKLOAD_FAILURE)
    run.tasks[1].error = "E" * 400
    table = attempts_of(run, 7_000)
    assert table.with_errors
    assert [row.error for row in table.rows] == ["", "E" * 299 + "…"]


def test_iterations_have_their_inputs() -> None:
    inner = spec("inner")
    run = make_run(spec("loop", body=ForEachSpec('["x", {"n": 2}]', inner)))
    loop = run.tasks[0]
    loop.resolved = {"for_each_task": {"inputs": json.dumps(["x", {"n": 2}])}}
    loop.total_iterations = 2
    loop.iterations = [TaskRun(20, inner, input_index=1), TaskRun(21, inner, input_index=0)]
    shown = iterations_of(run, loop, 7_000)
    assert shown is not None
    assert (shown.attempts, shown.inputs, shown.left_out) == (2, 2, 0)
    assert [(row.path, row.loop_input) for row in shown.table.rows] == [
        (f"/jobs/{run.job_id}/runs/20", '{"n": 2}'),
        (f"/jobs/{run.job_id}/runs/21", '"x"'),
    ]
    assert iterations_of(run, TaskRun(3, inner), 7_000) is None


def test_too_many_iterations_are_left_out() -> None:
    inner = spec("inner")
    run = make_run(spec("loop", body=ForEachSpec("[]", inner)))
    loop = run.tasks[0]
    loop.total_iterations = MAX_ITERATIONS + 3
    loop.iterations = [TaskRun(20 + n, inner, input_index=n) for n in range(MAX_ITERATIONS + 3)]
    shown = iterations_of(run, loop, 7_000)
    assert shown is not None
    assert (len(shown.table.rows), shown.left_out, shown.table.with_inputs) == (MAX_ITERATIONS, 3, False)
