from typing import Any

import pytest
from databricks_local.api.bodies import parse_body, read_boolean, read_integer, read_string, read_strings
from databricks_local.api.errors import ApiError
from databricks_local.jobs.specs import ClusterSpec, NotebookSpec, RunIf, RunJobSpec
from databricks_local.jobs.submit_request import parse_submit


def test_everything_that_is_read_of_a_task() -> None:
    raw = {
        "task_key": "b",
        "depends_on": [{"task_key": "a"}, {"task_key": "a"}],
        "run_if": "ALL_DONE",
        "timeout_seconds": "9",
        "notebook_task": {"notebook_path": "/x", "base_parameters": {"n": 1, "t": "x"}},
        "new_cluster": {"spark_version": "v", "spark_conf": {"a": "b"}, "spark_env_vars": {"C": "d"}},
        "email_notifications": {},
    }
    first = {"task_key": "a", "notebook_task": {"notebook_path": "/x"}, "new_cluster": {}}
    spec = parse_submit({"tasks": [raw, first], "timeout_seconds": 3, "idempotency_token": "t"})
    assert (spec.name, spec.timeout_seconds, spec.idempotency_token, spec.legacy) == (
        "Untitled",
        3,
        "t",
        False,
    )
    task = spec.tasks[0]
    assert task.body == NotebookSpec("/x", {"n": "1", "t": "x"})
    tags = {"sparkVersion": "v", "clusterNodeType": "", "clusterWorkers": "0"}
    assert task.cluster == ClusterSpec("v", {"a": "b"}, {"C": "d"}, usage_tags=tags)
    assert (task.depends_on, task.run_if, task.timeout_seconds, task.raw) == (("a",), RunIf.ALL_DONE, 9, raw)


def test_the_format_without_tasks() -> None:
    body = {"run_name": "my old run!", "notebook_task": {"notebook_path": "/x"}, "new_cluster": {}}
    spec = parse_submit(body)
    assert spec.legacy
    assert [task.key for task in spec.tasks] == ["my_old_run_"]


@pytest.mark.parametrize(
    ("value", "number"), [(None, 7), (5, 5), ("5", 5), ("-5", -5), (5.0, 5), (2**63 - 1, 2**63 - 1)]
)
def test_numbers(value: Any, number: int) -> None:
    assert read_integer({"n": value}, "n", 7) == number


@pytest.mark.parametrize(
    "value", [True, "", "x", "1.5", 1.5, [], {}, 2**63, -(2**64), "9" * 19, "1_0", " 1", "٣"]
)
def test_no_numbers(value: Any) -> None:
    with pytest.raises(ApiError) as refusal:
        read_integer({"n": value}, "n")
    assert (refusal.value.status, refusal.value.error_code) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize(("value", "text"), [(None, "-"), ("", ""), ("x", "x"), (5, "5"), (1.5, "1.5")])
def test_texts(value: Any, text: str) -> None:
    assert read_string({"t": value}, "t", "-") == text


@pytest.mark.parametrize("value", [True, [], {}, ["x"]])
def test_no_texts(value: Any) -> None:
    with pytest.raises(ApiError, match="Expected Scalar value for String field 't'"):
        read_string({"t": value}, "t")
    with pytest.raises(ApiError):
        read_strings({"m": {"t": value}}, "m")


@pytest.mark.parametrize(("value", "truth"), [(None, False), (True, True), ("true", True), ("FALSE", False)])
def test_truth(value: Any, truth: bool) -> None:
    assert read_boolean({"b": value}, "b") is truth


def test_a_body_loses_its_nulls() -> None:
    assert parse_body(b'{"a": null, "b": {"c": null, "d": [1, {"e": null}]}}') == {"b": {"d": [1, {}]}}
    assert parse_body(b" \n") == {}


RUN_JOB = {"job_id": 7, "python_params": ["a", "b"], "sql_params": {"c": 1}, "dbt_commands": ["dbt run"]}


def run_job_task(**body: Any) -> Any:
    return parse_submit({"tasks": [{"task_key": "a", "run_job_task": body}]}).tasks[0].body


def test_the_older_parameters_of_a_run_job_task_are_kept() -> None:
    overriding = {"python_params": ["a", "b"], "sql_params": {"c": "1"}, "dbt_commands": ["dbt run"]}
    assert run_job_task(**RUN_JOB) == RunJobSpec(7, {}, overriding)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {**RUN_JOB, "job_parameters": {"d": "1"}},
            "Only one of job_parameters and sql_params can be specified.",
        ),
        ({"job_id": 7, "jar_params": ["x" * 10_000]}, "jar_params must be at most 10000 bytes as JSON."),
    ],
)
def test_parameters_of_a_run_job_task_that_are_refused(body: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError) as refusal:
        run_job_task(**body)
    assert refusal.value.message == message
