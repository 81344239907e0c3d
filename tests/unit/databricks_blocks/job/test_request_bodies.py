"""What is sent for a job, in each way to launch it."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import pytest
from databricks.sdk.service import jobs
from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.plan import plan
from databricks_blocks.job.request_bodies import (
    HASH_TAG,
    create_body,
    run_now_body,
    run_parameters,
    submit_body,
)
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import DatabricksTask, notebook_task
from databricks_blocks.job.validation import problems
from hypothesis import given
from hypothesis import strategies as st

CLUSTER = {"spark_version": "16.4.x-scala2.12", "node_type_id": "m5d.large", "num_workers": 1}
TOKEN = "a-token"
NUMPY = {"pypi": {"package": "numpy==2.1"}}
PANDAS = {"pypi": {"package": "pandas==2.2.3"}}
EACH = {"task_key": "each", "notebook_task": {"notebook_path": "/Shared/each"}, "job_cluster_key": "main"}

JOB = JobSpecification(
    name="nightly",
    tasks=[
        notebook_task("join", "/Shared/join", job_cluster_key="main", max_retries=1),
        notebook_task(
            "plot",
            "/Shared/plot",
            parameters={"source": "its own"},
            depends_on=["join"],
            job_cluster_key="main",
            libraries=[PANDAS],
            run_if="ALL_DONE",
        ),
        DatabricksTask(task_key="loop", body={"for_each_task": {"inputs": "[1, 2]", "task": EACH}}),
        DatabricksTask(task_key="load", body={"sql_task": {"warehouse_id": "w"}}, depends_on=["plot"]),
    ],
    job_clusters={"main": CLUSTER},
    notebook_params={"source": "of all", "day": "1"},
    notebook_packages=[NUMPY],
    timeout_seconds=60,
)


def with_fields(**fields: Any) -> JobSpecification:
    return JOB.model_copy(update=fields)


def by_key(body: dict[str, Any]) -> dict[str, Any]:
    return {task["task_key"]: task for task in body["tasks"]}


def test_submit_writes_the_shared_cluster_into_each_task_and_sends_nothing_that_submit_refuses() -> None:
    assert submit_body(JOB, token=TOKEN) == {
        "run_name": "nightly",
        "idempotency_token": TOKEN,
        "timeout_seconds": 60,
        "tasks": [
            {
                "task_key": "join",
                "notebook_task": {
                    "notebook_path": "/Shared/join",
                    "base_parameters": {"source": "of all", "day": "1"},
                },
                "new_cluster": CLUSTER,
                "libraries": [NUMPY],
                "max_retries": 1,
            },
            {
                "task_key": "plot",
                "depends_on": [{"task_key": "join"}],
                "run_if": "ALL_DONE",
                "notebook_task": {
                    "notebook_path": "/Shared/plot",
                    "base_parameters": {"source": "its own", "day": "1"},
                },
                "new_cluster": CLUSTER,
                "libraries": [NUMPY, PANDAS],
            },
            {
                "task_key": "loop",
                "for_each_task": {
                    "inputs": "[1, 2]",
                    "task": {
                        "task_key": "each",
                        "notebook_task": {
                            "notebook_path": "/Shared/each",
                            "base_parameters": {"source": "of all", "day": "1"},
                        },
                        "new_cluster": CLUSTER,
                        "libraries": [NUMPY],
                    },
                },
            },
            {
                "task_key": "load",
                "depends_on": [{"task_key": "plot"}],
                "sql_task": {"warehouse_id": "w"},
            },
        ],
    }


def test_a_saved_job_shares_its_cluster_and_declares_its_parameters() -> None:
    body = create_body(with_fields(launch="run_now", job_parameters={"day": "1"}))
    assert body["job_clusters"] == [{"job_cluster_key": "main", "new_cluster": CLUSTER}]
    assert body["parameters"] == [{"name": "day", "default": "1"}]
    assert {task.get("job_cluster_key") for task in body["tasks"]} == {"main", None}
    assert "new_cluster" not in by_key(body)["join"]
    assert "run_name" not in body
    assert "idempotency_token" not in body


def test_the_saved_job_stays_the_same_when_only_values_of_its_parameters_change() -> None:
    def tag(**fields: Any) -> Any:
        return create_body(with_fields(launch="run_now", **fields))["tags"][HASH_TAG]

    first = tag(job_parameters={"day": "1"})
    assert tag(job_parameters={"day": "2"}) == first
    others = {tag(job_parameters={"hour": "1"}), tag(timeout_seconds=1), tag(notebook_params={})}
    assert len(others | {first}) == 4


def test_run_now_sends_parameters_and_leaves_the_settings_to_the_job() -> None:
    specification = with_fields(
        launch="run_now",
        job_parameters={"day": "1"},
        extra_job_params={"only": ["join"], "queue": {"enabled": True}},
    )
    assert run_now_body(specification, 7, token=TOKEN) == {
        "job_id": 7,
        "idempotency_token": TOKEN,
        "job_parameters": {"day": "1"},
        "only": ["join"],
    }
    created = create_body(specification)
    assert created["queue"] == {"enabled": True}
    assert "only" not in created


def test_a_job_that_is_there_gets_all_parameters_with_its_run() -> None:
    specification = JobSpecification(
        name="theirs",
        launch="existing_job",
        existing_job_id=7,
        job_parameters={"day": "1"},
        notebook_params={"source": "x"},
        extra_job_params={"queue": {"enabled": True}},
    )
    assert run_now_body(specification, 7, token=TOKEN) == {
        "job_id": 7,
        "idempotency_token": TOKEN,
        "job_parameters": {"day": "1"},
        "notebook_params": {"source": "x"},
        "queue": {"enabled": True},
    }
    # What a repair has to send again (airflow#64828).
    assert run_parameters(specification) == {
        "job_parameters": {"day": "1"},
        "notebook_params": {"source": "x"},
    }
    assert run_parameters(with_fields(launch="run_now")) == {}


def test_extra_parameters_win_and_objects_are_merged() -> None:
    extra = {"queue": {"enabled": True}, "tags": {"team": "x"}, "health": {"rules": []}}
    body = create_body(with_fields(launch="run_now", extra_job_params=extra))
    assert body["queue"] == {"enabled": True}
    assert set(body["tags"]) == {"team", HASH_TAG}
    task = notebook_task("a", "/a", extra_task_params={"description": "why", "disabled": True})
    assert task.as_json() == {
        "task_key": "a",
        "notebook_task": {"notebook_path": "/a"},
        "description": "why",
        "disabled": True,
    }


@pytest.mark.parametrize(
    ("fields", "cluster", "expected"),
    [
        (
            {"instance_profile_arn": "arn:p"},
            CLUSTER,
            {**CLUSTER, "aws_attributes": {"instance_profile_arn": "arn:p"}},
        ),
        (
            {"instance_profile_arn": "arn:p"},
            {**CLUSTER, "aws_attributes": {"instance_profile_arn": "arn:own", "zone_id": "auto"}},
            {**CLUSTER, "aws_attributes": {"instance_profile_arn": "arn:own", "zone_id": "auto"}},
        ),
        (
            {"instance_pool_id": "pool"},
            {**CLUSTER, "driver_node_type_id": "m5d.large"},
            {"spark_version": "16.4.x-scala2.12", "num_workers": 1, "instance_pool_id": "pool"},
        ),
        # With a pool, only who the machines are is left to the cluster.
        (
            {"instance_pool_id": "pool", "instance_profile_arn": "arn:p"},
            {
                **CLUSTER,
                "aws_attributes": {"availability": "SPOT"},
                "azure_attributes": {"availability": "SPOT"},
                "enable_elastic_disk": True,
            },
            {
                "spark_version": "16.4.x-scala2.12",
                "num_workers": 1,
                "instance_pool_id": "pool",
                "aws_attributes": {"instance_profile_arn": "arn:p"},
            },
        ),
        (
            {"instance_pool_id": "pool"},
            {"spark_version": "x", "instance_pool_id": "own"},
            {"spark_version": "x", "instance_pool_id": "own"},
        ),
    ],
)
def test_instance_profile_and_pool_reach_clusters_that_name_none(
    fields: dict[str, Any], cluster: dict[str, Any], expected: dict[str, Any]
) -> None:
    specification = with_fields(job_clusters={"main": cluster}, **fields)
    assert by_key(submit_body(specification, token=TOKEN))["join"]["new_cluster"] == expected
    assert create_body(specification)["job_clusters"][0]["new_cluster"] == expected


@pytest.mark.parametrize("token", ["", "x" * 65])
def test_a_token_that_databricks_would_refuse_is_refused_here(token: str) -> None:
    with pytest.raises(InvalidJob, match="1 to 64 characters"):
        submit_body(JOB, token=token)
    with pytest.raises(InvalidJob, match="1 to 64 characters"):
        run_now_body(JOB, 7, token=token)


def names(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)


def fields_of(model: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(model)}


TASKS = st.builds(
    notebook_task,
    st.text("abc", min_size=1, max_size=5),
    st.just("/Shared/x"),
    parameters=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
    run_if=st.sampled_from(["", "ALL_DONE", "ALL_FAILED"]),
    job_cluster_key=st.just("main"),
    libraries=st.lists(st.just(PANDAS), max_size=1),
    max_retries=st.none() | st.integers(-1, 3),
    min_retry_interval_millis=st.none() | st.integers(0, 9),
    retry_on_timeout=st.none() | st.booleans(),
    timeout_seconds=st.none() | st.integers(0, 9),
)


@st.composite
def specifications(draw: st.DrawFn) -> JobSpecification:
    drawn = draw(st.lists(TASKS, min_size=1, max_size=5, unique_by=lambda task: task.task_key))
    keys = [task.task_key for task in drawn]
    tasks = [
        DatabricksTask(
            **{
                **task.model_dump(),
                "depends_on": draw(st.lists(st.sampled_from(keys[:n]), unique=True)) if n else [],
            }
        )
        for n, task in enumerate(drawn)
    ]
    return JobSpecification(
        name="nightly",
        tasks=tasks,
        job_clusters={"main": CLUSTER},
        environments=draw(st.sampled_from([{}, {"e": {"client": "2"}}])),
        notebook_params=draw(st.dictionaries(st.text("xy", max_size=2), st.text(max_size=2))),
        instance_profile_arn=draw(st.sampled_from(["", "arn"])),
        instance_pool_id=draw(st.sampled_from(["", "pool"])),
        timeout_seconds=draw(st.integers(0, 9)),
    )


@given(specifications())
def test_the_sdk_knows_every_field_and_gives_back_the_same_tasks(specification: JobSpecification) -> None:
    assert problems(specification) == []
    submitted = submit_body(specification, token=TOKEN)
    assert set(submitted) <= names(jobs.JobsAPI.submit)
    for task in submitted["tasks"]:
        assert set(task) <= fields_of(jobs.SubmitTask)
        assert "new_cluster" in task
    created = create_body(specification)
    assert set(created) <= names(jobs.JobsAPI.create)
    for task in created["tasks"]:
        assert set(task) <= fields_of(jobs.Task)
        assert jobs.Task.from_dict(task).task_key == task["task_key"]
    assert set(run_now_body(specification, 7, token=TOKEN)) <= names(jobs.JobsAPI.run_now)


@given(specifications())
def test_a_saved_job_read_back_makes_the_same_job(specification: JobSpecification) -> None:
    saved = create_body(specification)
    again, notes = JobSpecification.from_settings(saved, launch="run_now")
    assert create_body(again) == saved
    assert notes == []


def test_the_plan_tells_how_many_clusters_each_launch_starts() -> None:
    text = plan(JOB).as_text()
    assert text.splitlines() == [
        "nightly: 4 tasks, launched by submit",
        "  join  notebook_task",
        "  plot  notebook_task  after join",
        "  loop  for_each_task",
        "  load  sql_task  after plot",
        "submit: starts 3 clusters or more (chosen)",
        "  cluster join: join",
        "  cluster plot: plot",
        "  cluster each: each, one for each iteration",
        "run_now: starts 1 cluster",
        "  cluster main: join, plot, each",
    ]


def test_the_plan_has_the_requests_in_the_order_of_the_calls() -> None:
    found = plan(with_fields(launch="run_now", job_parameters={"day": "1"}))
    assert [launch.launch for launch in found.launches] == ["run_now", "submit"]
    assert [endpoint for endpoint, _ in found.launches[0].requests] == ["create", "run-now"]
    assert found.problems == ()
    assert "launch with `run_now`" in found.launches[1].problems[0]
    assert "problem: job_parameters" in found.as_text()


def test_the_plan_as_markdown_has_the_graph_with_outcomes_and_hostile_names() -> None:
    specification = JobSpecification(
        name="branch",
        tasks=[
            DatabricksTask(task_key="is it", body={"condition_task": {"op": "EQUAL_TO"}}),
            notebook_task('b"]', "/b", depends_on=[{"task_key": "is it", "outcome": "true"}]),
            notebook_task("c", "/c", depends_on=["nowhere|x"]),
        ],
    )
    text = plan(specification).as_markdown()
    assert text.splitlines()[7:14] == [
        "```mermaid",
        "graph LR",
        '  t0["is it<br>condition_task"]',
        '  t1["b#34;#93;<br>notebook_task"]',
        '  t2["c<br>notebook_task"]',
        "  t0 -->|true| t1",
        "```",
    ]
    assert r"depends on \`nowhere\|x\`" in text
    assert "`POST /api/2.2/jobs/runs/submit`" in text


def test_the_plan_of_a_job_that_is_there_leaves_the_clusters_to_it() -> None:
    found = plan(JobSpecification(name="theirs", launch="existing_job", existing_job_id=7))
    assert found.as_text().splitlines()[1] == "existing_job: starts the clusters of the saved job (chosen)"
    assert [(endpoint, body["job_id"]) for endpoint, body in found.launches[0].requests] == [("run-now", 7)]
