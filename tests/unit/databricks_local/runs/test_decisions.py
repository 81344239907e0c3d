"""Retries, conditions, repairs, settings of jobs, parameters: each decided without a server."""

from typing import Any

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.api.sizes import json_size
from databricks_local.jobs.parameters import pushed_down, read_parameters
from databricks_local.jobs.settings import complete_settings, parse_settings, selected_tasks, updated_settings
from databricks_local.jobs.specs import (
    CONDITION_OPERATORS,
    ConditionSpec,
    NotebookSpec,
    Parameters,
    RetrySpec,
    RunSpec,
    RunType,
    TaskSpec,
)
from databricks_local.jobs.task_specs import check_loops
from databricks_local.runs import states
from databricks_local.runs.models import Round, Run, TaskRun
from databricks_local.runs.repairs import RepairRequest, read_repair, refusal, tasks_to_rerun
from databricks_local.runs.retries import seconds_until_retry
from databricks_local.runs.states import State
from databricks_local.tasks.conditions import ConditionError
from databricks_local.tasks.conditions import outcome as condition_outcome

LATEST_MISSING = "The latest repair ID needs to be provided in order to create a new repair"


@pytest.mark.parametrize(
    ("retry", "state", "attempts", "since_start", "seconds"),
    [
        (RetrySpec(), states.WORKLOAD_FAILURE, 1, 0, None),
        (RetrySpec(1), states.WORKLOAD_FAILURE, 1, 0, 0),
        (RetrySpec(1), states.WORKLOAD_FAILURE, 2, 0, None),
        (RetrySpec(3), states.WORKLOAD_FAILURE, 3, 0, 0),
        (RetrySpec(1), states.SUCCESS, 1, 0, None),
        (RetrySpec(1), states.DRIVER_LOST, 1, 0, 0),
        (RetrySpec(1), states.USER_CANCELED, 1, 0, None),
        (RetrySpec(1), states.TIMED_OUT, 1, 0, None),
        (RetrySpec(1, on_timeout=True), states.TIMED_OUT, 1, 0, 0),
        # The interval is counted from the start of the failed attempt (docs).
        (RetrySpec(1, 2_000), states.WORKLOAD_FAILURE, 1, 500, 1.5),
        (RetrySpec(1, 2_000), states.WORKLOAD_FAILURE, 1, 3_000, 0),
        (RetrySpec(-1), states.WORKLOAD_FAILURE, 500, 0, 1.0),
    ],
)
def test_retries(
    retry: RetrySpec, state: State, attempts: int, since_start: int, seconds: float | None
) -> None:
    assert seconds_until_retry(retry, state, attempts, since_start) == seconds


@pytest.mark.parametrize(
    ("op", "left", "right", "expected"),
    [
        # The examples of the documentation.
        ("EQUAL_TO", "12.0", "12", "false"),
        ("NOT_EQUAL", "12.0", "12", "true"),
        ("EQUAL_TO", "true", "true", "true"),
        ("GREATER_THAN_OR_EQUAL", "12.0", "12", "true"),
        ("GREATER_THAN_OR_EQUAL", "10.0", "12", "false"),
        ("GREATER_THAN", "2", "10", "false"),
        ("LESS_THAN", "2", "10", "true"),
        ("LESS_THAN_OR_EQUAL", "-1e3", "-1000", "true"),
    ],
)
def test_conditions(op: str, left: str, right: str, expected: str) -> None:
    assert condition_outcome(ConditionSpec(op, left, right)) == expected


@pytest.mark.parametrize("op", CONDITION_OPERATORS)
def test_every_operator_that_is_accepted_can_be_evaluated(op: str) -> None:
    assert {condition_outcome(ConditionSpec(op, "1", right)) for right in "012"} == {"true", "false"}


@pytest.mark.parametrize("operand", ["", "ten", "1,5", "{{x}}"])
def test_operands_of_an_ordering_are_numbers(operand: str) -> None:
    with pytest.raises(ConditionError, match="is not a number"):
        condition_outcome(ConditionSpec("LESS_THAN", "1", operand))


def spec(key: str, after: str = "") -> TaskSpec:
    return TaskSpec(key, NotebookSpec("/x"), depends_on=tuple(after.split()))


def run_of(*ended: tuple[str, str, State], run_type: RunType = RunType.JOB_RUN, repairs: int = 0) -> Run:
    tasks = [TaskRun(10 + n, spec(key, after), state) for n, (key, after, state) in enumerate(ended)]
    run = Run(1, 2, RunSpec("r", tuple(task.spec for task in tasks), run_type=run_type), "me", tasks, 0)
    run.state = states.run_failure("x")
    run.rounds = [Round(number, 0) for number in range(repairs + 1)]
    return run


ENDED = [
    ("a", "", states.SUCCESS),
    ("b", "a", states.WORKLOAD_FAILURE),
    ("c", "b", states.UPSTREAM_FAILED),
    ("d", "a", states.TIMED_OUT),
    ("e", "a", states.USER_CANCELED),
    ("f", "", states.EXCLUDED),
    ("g", "f", states.DISABLED),
]


@pytest.mark.parametrize(
    ("request_body", "keys"),
    [
        ({"rerun_tasks": ["b"]}, "b"),
        ({"rerun_tasks": ["c", "a"]}, "ac"),
        ({"rerun_tasks": ["b"], "rerun_dependent_tasks": True}, "bc"),
        ({"rerun_tasks": ["a"], "rerun_dependent_tasks": True}, "abcde"),
        ({"rerun_all_failed_tasks": True}, "bcde"),
        ({"rerun_all_failed_tasks": True, "rerun_dependent_tasks": True}, "bcde"),
        ({"rerun_tasks": ["f"], "rerun_dependent_tasks": True}, "fg"),
    ],
)
def test_what_a_repair_runs_again(request_body: dict[str, Any], keys: str) -> None:
    run = run_of(*ENDED)
    chosen = tasks_to_rerun(run.spec.tasks, run.latest(), read_repair(request_body))
    assert "".join(task.key for task in chosen) == keys


def test_a_repair_of_what_the_job_has_now() -> None:
    run = run_of(*ENDED)
    now = [spec("a"), spec("b", "a new"), spec("new")]
    chosen = tasks_to_rerun(now, run.latest(), RepairRequest(all_failed=True))
    assert chosen == [now[1]]
    for key in ("new", "c"):
        with pytest.raises(ApiError, match=f"Task '{key}' does not exist in the run."):
            tasks_to_rerun(now, run.latest(), RepairRequest((key,)))


@pytest.mark.parametrize(
    ("repairs", "request_", "message"),
    [
        (0, RepairRequest(("a",)), None),
        (0, RepairRequest(("a",), latest_repair_id=5), LATEST_MISSING),
        (1, RepairRequest(("a",)), LATEST_MISSING),
        (2, RepairRequest(("a",), latest_repair_id=1), LATEST_MISSING),
        (2, RepairRequest(("a",), latest_repair_id=2), None),
        (0, RepairRequest(("a", "a")), "rerun_tasks cannot contain duplicate task keys."),
        (0, RepairRequest(), "One of rerun_tasks or rerun_all_failed_tasks must be specified."),
        (
            0,
            RepairRequest(("a",), all_failed=True),
            "Only one of rerun_tasks or rerun_all_failed_tasks can be used.",
        ),
    ],
)
def test_repairs_are_refused(repairs: int, request_: RepairRequest, message: str | None) -> None:
    refused = refusal(run_of(*ENDED, repairs=repairs), request_, one_time_runs=False)
    assert (refused and refused.message) == message


@pytest.mark.parametrize(
    ("run_type", "one_time_runs", "accepted"),
    [
        (RunType.JOB_RUN, False, True),
        (RunType.SUBMIT_RUN, False, False),
        (RunType.SUBMIT_RUN, True, True),
        (RunType.WORKFLOW_RUN, True, False),
    ],
)
def test_which_runs_are_repaired(run_type: RunType, one_time_runs: bool, accepted: bool) -> None:
    refused = refusal(run_of(*ENDED, run_type=run_type), RepairRequest(("a",)), one_time_runs=one_time_runs)
    assert (refused is None) == accepted


def test_an_active_run_is_refused_before_all_else() -> None:
    run = run_of(*ENDED)
    run.state = states.RUNNING
    refused = refusal(run, RepairRequest(latest_repair_id=9), one_time_runs=False)
    assert refused is not None
    assert refused.message.startswith("Run 1 is active.")


def raw(key: str, after: str = "", **fields: Any) -> dict[str, Any]:
    depends_on = [{"task_key": name} for name in after.split()]
    return {
        "task_key": key,
        "notebook_task": {"notebook_path": "/x"},
        "new_cluster": {},
        "depends_on": depends_on,
        **fields,
    }


@pytest.mark.parametrize(
    ("version", "settings", "queue"),
    [
        ("2.2", {}, True),
        ("2.1", {}, False),
        ("2.0", {}, False),
        ("2.2", {"queue": {"enabled": False}}, False),
        ("2.1", {"queue": {"enabled": True}}, True),
    ],
)
def test_which_jobs_queue(version: str, settings: dict[str, Any], queue: bool) -> None:
    assert parse_settings(complete_settings(settings, version)).queue is queue


def test_settings_that_databricks_adds() -> None:
    assert complete_settings({"name": "n", "max_concurrent_runs": 3}, "2.1") == {
        "name": "n",
        "format": "MULTI_TASK",
        "max_concurrent_runs": 3,
        "timeout_seconds": 0,
        "email_notifications": {},
        "webhook_notifications": {},
    }


@pytest.mark.parametrize(
    ("changes", "removed", "expected"),
    [
        ({"name": "m"}, [], {"name": "m", "tasks": ["a1", "b1"]}),
        (
            {"tasks": [raw("b", timeout_seconds=2), raw("c", timeout_seconds=2)]},
            [],
            {"tasks": ["a1", "b2", "c2"]},
        ),
        ({}, ["name", "tasks/a"], {"name": None, "tasks": ["b1"]}),
        ({}, ["tasks"], {"tasks": []}),
        ({"tasks": [raw("a", timeout_seconds=2)]}, ["tasks/a"], {"tasks": ["b1", "a2"]}),
        ({}, ["nothing", "tasks/z"], {"tasks": ["a1", "b1"]}),
    ],
)
def test_updates(changes: dict[str, Any], removed: list[str], expected: dict[str, Any]) -> None:
    before = {"name": "n", "tasks": [raw("a", timeout_seconds=1), raw("b", timeout_seconds=1)]}
    after = updated_settings(before, changes, removed)
    assert [f"{task['task_key']}{task['timeout_seconds']}" for task in after.get("tasks", [])] == expected[
        "tasks"
    ]
    assert after.get("name") == expected.get("name", "n")
    assert before["name"] == "n"


def test_nested_fields_are_not_removed() -> None:
    with pytest.raises(ApiError, match="The field schedule/x cannot be removed"):
        updated_settings({}, {}, ["schedule/x"])


@pytest.mark.parametrize(
    ("only", "keys"),
    [("b", "b"), ("+b", "ab"), ("b+", "bcd"), ("+d", "abcd"), ("+b+", "abcd"), ("a e", "ae")],
)
def test_only(only: str, keys: str) -> None:
    tasks = [raw("a"), raw("b", "a"), raw("c", "b"), raw("d", "c"), raw("e")]
    job = parse_settings({"tasks": tasks})
    assert "".join(task.key for task in selected_tasks(job, only.split())) == keys


def test_parameters_win_over_each_other() -> None:
    defaults = {"b": "default", "d": "default"}
    found = read_parameters({"job_parameters": {"b": "job", "new": 5}}, defaults)
    assert found.job == {"b": "job", "d": "default", "new": "5"}
    assert pushed_down({"a": "own", "b": "own"}, found) == {
        "a": "own",
        "b": "job",
        "d": "default",
        "new": "5",
    }
    found = read_parameters({"notebook_params": {"b": "request"}, "python_params": ["x"]}, defaults)
    assert found.overriding == {"notebook_params": {"b": "request"}, "python_params": ["x"]}
    assert pushed_down({"a": "own", "b": "own"}, found) == {"a": "own", "b": "request", "d": "default"}
    assert pushed_down({"a": "own"}, Parameters()) == {"a": "own"}


@pytest.mark.parametrize(
    "body",
    [
        {"notebook_params": {"x": "y" * 10_000}},
        # 5,000 letters of two bytes each.
        {"notebook_params": {"x": "é" * 5_000}},
        {"notebook_params": {"x": "y"}, "jar_params": ["z"]},
        {"python_params": "x"},
        {"python_params": [1]},
        {"job_parameters": []},
    ],
)
def test_parameters_that_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        read_parameters(body, {})


def test_the_limit_of_parameters_counts_utf_8() -> None:
    # {"notebook_params":{"x":"éé…"}}: 28 bytes around the value.
    for size, fits in ((4_500, True), (4_986, True), (4_987, False)):
        body = {"notebook_params": {"x": "é" * size}}
        assert (json_size(body) <= 10_000) is fits
        if fits:
            assert read_parameters(body, {}).notebook == {"x": "é" * size}
        else:
            with pytest.raises(ApiError, match="notebook_params must be at most 10000 bytes as JSON"):
                read_parameters(body, {})


@pytest.mark.parametrize(
    ("older", "value"),
    [
        ("notebook_params", {"x": "y"}),
        ("python_params", ["x"]),
        ("jar_params", ["x"]),
        ("python_named_params", {"x": "y"}),
        ("spark_submit_params", ["x"]),
        ("sql_params", {"x": "y"}),
        ("dbt_commands", ["x"]),
    ],
)
def test_job_parameters_exclude_the_older_fields(older: str, value: Any) -> None:
    with pytest.raises(ApiError) as refused:
        read_parameters({"job_parameters": {"p": "q"}, older: value}, {})
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert str(refused.value) == f"Only one of job_parameters and {older} can be specified."
    # What is empty says nothing.
    assert read_parameters({"job_parameters": {}, older: value}, {}).overriding == {older: value}
    assert read_parameters({"job_parameters": {"p": "q"}, older: type(value)()}, {}).job == {"p": "q"}


CLUSTER = {"spark_version": "15.4.x-scala2.12"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_retries", 1),
        ("max_retries", -1),
        ("min_retry_interval_millis", 1_000),
        ("retry_on_timeout", True),
        ("new_cluster", CLUSTER),
        ("job_cluster_key", "shared"),
        ("existing_cluster_id", "0101-000000-abcdefgh"),
        ("environment_key", "default"),
        ("compute", {"hardware_accelerator": "GPU_1xA10"}),
        ("libraries", [{"pypi": {"package": "six"}}]),
    ],
)
def test_a_loop_has_nothing_that_belongs_to_the_task_in_it(field: str, value: Any) -> None:
    nested = {"task_key": "each", "notebook_task": {"notebook_path": "/x"}, "new_cluster": CLUSTER}
    loop = {"task_key": "loop", "for_each_task": {"inputs": "[1]", "task": nested}}
    clusters = [{"job_cluster_key": "shared", "new_cluster": CLUSTER}]
    tasks = parse_settings({"tasks": [{**loop, field: value}], "job_clusters": clusters}).tasks
    with pytest.raises(ApiError) as refused:
        check_loops(tasks)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert str(refused.value) == (
        f"Task loop has a for_each_task, so that {field} belongs to the task in it: "
        f"for_each_task.task.{field}."
    )
    nothing = type(value)()
    check_loops(parse_settings({"tasks": [{**loop, field: nothing}]}).tasks)


def test_what_a_loop_itself_may_have() -> None:
    nested = {"task_key": "each", "notebook_task": {"notebook_path": "/x"}, "max_retries": 2}
    loop = {
        "task_key": "loop",
        "for_each_task": {"inputs": "[1]", "task": nested},
        "timeout_seconds": 60,
        "run_if": "ALL_DONE",
        "description": "each of them",
        "email_notifications": {"on_failure": ["me@example.com"]},
    }
    (task,) = parse_settings({"tasks": [loop]}).tasks
    check_loops([task])
    assert (task.timeout_seconds, task.body.task.retry.max_retries) == (60, 2)
