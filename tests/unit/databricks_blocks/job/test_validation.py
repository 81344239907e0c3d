"""What is wrong with a job, told before any call."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from databricks_blocks.errors import DatabricksJobError, InvalidJob
from databricks_blocks.job.specification import JobSpecification, with_new_settings
from databricks_blocks.job.tasks import DatabricksTask, notebook_task
from databricks_blocks.job.validation import check, problems
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

CLUSTER = {"spark_version": "16.4.x-scala2.12", "node_type_id": "m5d.large", "num_workers": 1}
PANDAS = {"pypi": {"package": "pandas==2.2.3"}}


def task(key: str, *after: Any, **fields: Any) -> DatabricksTask:
    return notebook_task(key, f"/Shared/{key}", depends_on=after, **{"job_cluster_key": "main", **fields})


def kind(key: str, name: str, body: dict[str, Any] | None = None, **fields: Any) -> DatabricksTask:
    return DatabricksTask(task_key=key, body={name: body or {"x": "y"}}, **fields)


def job(*tasks: DatabricksTask, **fields: Any) -> JobSpecification:
    return JobSpecification(
        **{"name": "nightly", "tasks": list(tasks), "job_clusters": {"main": CLUSTER}, **fields}
    )


def loop(key: str, nested: dict[str, Any], **fields: Any) -> DatabricksTask:
    return kind(key, "for_each_task", {"inputs": "[1]", "task": nested}, **fields)


NESTED = {"task_key": "each", "notebook_task": {"notebook_path": "/Shared/each"}}


@pytest.mark.parametrize(
    ("specification", "expected"),
    [
        (job(task("a"), task("b", "x")), "Task `b`: depends on `x`, which is no task of the job."),
        (job(task("a", "a")), "Tasks wait for each other: `a` → `a`."),
        (job(task("a"), task("a")), "Task key `a` is used 2 times."),
        (job(task("a b")), "Task key `a b` is invalid: 1 to 100 letters, digits, `-` and `_`."),
        (job(task("é")), "Task key `é` is invalid: 1 to 100 letters, digits, `-` and `_`."),
        (job(task("")), "Task key `` is invalid: 1 to 100 letters, digits, `-` and `_`."),
        (
            job(task("a"), task("b", {"task_key": "a", "outcome": "true"})),
            "Task `b`: depends on `a` with an outcome, which only a condition_task has.",
        ),
        (
            job(kind("a", "condition_task"), task("b", {"task_key": "a", "outcome": "yes"})),
            "Task `b`: depends on `a` with the outcome `yes`; it is `true` or `false`.",
        ),
        (
            job(task("a", run_if="SOMETIMES")),
            "Task `a`: run_if `SOMETIMES` is none of ALL_SUCCESS, ALL_DONE, NONE_FAILED, "
            "AT_LEAST_ONE_SUCCESS, ALL_FAILED, AT_LEAST_ONE_FAILED.",
        ),
        (
            job(task("a", job_cluster_key="big")),
            "Task `a`: job_cluster_key `big` is not defined; there is `main`.",
        ),
        (
            job(task("a", job_cluster_key=None, environment_key="env")),
            "Task `a`: environment_key `env` is not defined; there is none.",
        ),
        (
            job(task("a", new_cluster=CLUSTER)),
            "Task `a`: has more than one compute: job_cluster_key, new_cluster. Keep one.",
        ),
        (
            job(kind("a", "spark_python_task")),
            "Task `a`: a spark_python_task needs compute: job_cluster_key, new_cluster, "
            "existing_cluster_id, environment_key.",
        ),
        (
            job(loop("a", NESTED, job_cluster_key="main")),
            "Task `a`: a for_each_task has no compute of its own: set it on the task that it repeats.",
        ),
        (
            job(loop("a", {**NESTED, "job_cluster_key": "big"})),
            "Task `each`: job_cluster_key `big` is not defined; there is `main`.",
        ),
        (
            job(task("a", job_cluster_key=None, libraries=[PANDAS])),
            "Task `a`: has libraries, but it runs without a cluster, where packages belong into an "
            "environment.",
        ),
        (
            job(task("a", job_cluster_key=None), notebook_packages=[PANDAS]),
            "Task `a`: notebook_packages cannot be installed: it runs without a cluster, where packages "
            "belong into an environment.",
        ),
        (
            job(task("a", needs_values_of=["b"])),
            "Task `a`: reads values of `b`, which is no task of the job.",
        ),
        (
            job(task("a", parameters={"x": "{{ tasks.`b-c`.values.y }}"})),
            "Task `a`: reads values of `b-c`, which is no task of the job.",
        ),
        (
            job(DatabricksTask(task_key="a", body={})),
            "Task `a`: its body needs one kind of task, such as notebook_task, with an object; it has none.",
        ),
        (
            job(DatabricksTask(task_key="a", body={"sql_task": {}, "dbt_task": {}}, job_cluster_key="main")),
            "Task `a`: its body needs one kind of task, such as notebook_task, with an object; it has "
            "sql_task, dbt_task.",
        ),
        (
            job(task("a", extra_task_params={"run_if": "ALL_DONE"})),
            "Task `a`: extra_task_params has `run_if`, which is a field of its own.",
        ),
        (
            job(loop("a", {"task_key": "b", "for_each_task": {"inputs": "[1]", "task": NESTED}})),
            "Task `a`: a for_each_task cannot repeat another for_each_task.",
        ),
        (job(), "tasks: the job has no tasks."),
        (job(task("a"), name=" "), "name: the job has no name."),
        (
            job(task("a"), job_parameters={"day": "1"}),
            "job_parameters: a one-time run has none (given: `day`): launch with `run_now`.",
        ),
        (
            job(task("a"), job_parameters={"a day": "1"}, launch="run_now"),
            "job_parameters: `a day` is no name: letters, digits, `_`, `-` and `.`.",
        ),
        (
            job(task("a"), existing_job_id=7),
            "existing_job_id: `submit` makes a run of its own; launch with `existing_job`.",
        ),
        (
            job(task("a"), extra_job_params={"tags": {"a": "b"}}),
            "extra_job_params: `tags` is a field of saved jobs, which a one-time run has not: launch with "
            "`run_now`.",
        ),
        (
            job(task("a"), extra_job_params={"jar_params": []}),
            "extra_job_params: `jar_params` is for runs of saved jobs: write it into the task, or launch "
            "with `run_now`.",
        ),
        (
            job(task("a"), extra_job_params={"parameters": []}),
            "extra_job_params: `parameters` has a field of its own: set `job_parameters`.",
        ),
        (
            job(*(task(f"t{n}") for n in range(101))),
            "The job has 101 tasks; `submit` takes 100.",
        ),
        (
            job(*(task(f"t{n}") for n in range(1001)), launch="run_now"),
            "The job has 1001 tasks; `run_now` takes 1000.",
        ),
        (
            job(task("a"), environments={f"e{n}": {} for n in range(11)}),
            "The job has 11 environments; the API takes 10.",
        ),
        (
            job(task("a"), notebook_params={"x": "é" * 500_000}),
            "Task `a`: its parameters have 1,000,008 bytes as JSON; a notebook takes 1,000,000. Pass the "
            "path of a file instead.",
        ),
        (
            job(kind("a", "notebook_task", {"notebook_path": "/a", "base_parameters": ["x"]})),
            "Task `a`: base_parameters has to be an object.",
        ),
        (
            JobSpecification(name="x", launch="existing_job"),
            "existing_job_id: say which job runs, or choose another launch.",
        ),
        (
            JobSpecification(name="x", launch="existing_job", existing_job_id=7, instance_pool_id="p"),
            "instance_pool_id: it is a setting of the saved job, which a run of it cannot change.",
        ),
        (
            JobSpecification(
                name="x", launch="existing_job", existing_job_id=7, notebook_params={"x": "y" * 10_000}
            ),
            "notebook_params: 10,028 bytes as JSON; a run takes 10,000.",
        ),
        (
            JobSpecification(
                name="x", launch="existing_job", existing_job_id=7, notebook_params={"x": "é" * 5_000}
            ),
            "notebook_params: 10,028 bytes as JSON; a run takes 10,000.",
        ),
        (
            JobSpecification(
                name="x",
                launch="existing_job",
                existing_job_id=7,
                notebook_params={"x": "y"},
                job_parameters={"p": "q"},
            ),
            "notebook_params: the API refuses it together with job_parameters. Set one of them.",
        ),
        (
            job(
                task("a"),
                launch="run_now",
                job_parameters={"p": "q"},
                extra_job_params={"python_params": ["x"]},
            ),
            "python_params: the API refuses it together with job_parameters. Set one of them.",
        ),
    ],
)
def test_each_problem_is_named_with_its_place(specification: JobSpecification, expected: str) -> None:
    assert problems(specification) == [expected]


def test_a_request_over_ten_megabytes_is_refused_though_each_notebook_is_within_its_limit() -> None:
    found = problems(job(*(task(f"t{n}", parameters={"x": "y" * 990_000}) for n in range(11))))
    assert len(found) == 1
    assert "the API takes 10,000,000" in found[0]


def test_parameters_are_counted_in_utf_8_and_requests_as_they_are_sent() -> None:
    existing = JobSpecification(
        name="x", launch="existing_job", existing_job_id=7, notebook_params={"x": "é" * 4_986}
    )
    assert problems(existing) == []
    # The SDK sends six bytes for each of these letters, of which UTF-8 has two.
    found = problems(job(*(task(f"t{n}", parameters={"x": "é" * 450_000}) for n in range(4))))
    assert len(found) == 1
    assert "the API takes 10,000,000" in found[0]


@pytest.mark.parametrize(
    "specification",
    [
        job(task("a"), task("b", "a", run_if="ALL_DONE")),
        job(task("a", job_cluster_key=None)),  # serverless
        job(task("a", job_cluster_key=None, environment_key="e"), environments={"e": {"client": "2"}}),
        job(task("a", job_cluster_key=None, existing_cluster_id="0923-1", libraries=[PANDAS])),
        job(kind("a", "sql_task", {"warehouse_id": "1"}), kind("b", "pipeline_task", {"pipeline_id": "2"})),
        job(kind("a", "a_task_of_next_year"), extra_job_params={"a_field_of_next_year": 1}),
        job(kind("a", "condition_task"), task("b", {"task_key": "a", "outcome": "false"})),
        job(loop("a", {**NESTED, "job_cluster_key": "main"}), notebook_packages=[PANDAS]),
        job(kind("a", "ai_runtime_task", extra_task_params={"compute": {"hardware_accelerator": "x"}})),
        job(*(task(f"t{n}") for n in range(100))),
        job(task("a"), launch="run_now", job_parameters={"day.of-x_1": ""}, extra_job_params={"tags": {}}),
        JobSpecification(name="x", launch="existing_job", existing_job_id=7, job_parameters={"day": "1"}),
    ],
)
def test_a_job_that_can_run_has_no_problems(specification: JobSpecification) -> None:
    check(specification)


def test_one_error_lists_all_problems_and_says_how_many_first() -> None:
    with pytest.raises(InvalidJob) as caught:
        check(job(task("a", "x"), task("b", "c"), task("c", "b"), job_parameters={"day": "1"}))
    lines = str(caught.value).splitlines()
    assert lines[0] == "Job `nightly` has 3 problems:"
    assert [line[:2] for line in lines[1:]] == ["- "] * 3
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, DatabricksJobError)
    assert not caught.value.may_retry


def lib(text: str) -> dict[str, Any]:
    return {"pypi": {"package": text}}


@pytest.mark.parametrize(
    ("common", "own", "expected"),
    [
        (
            [lib("pandas==2.2.3")],
            [lib("Pandas==2.2.3")],
            "Package `pandas` is asked for twice: in notebook_packages and in task `a`.",
        ),
        (
            [lib("pandas==2.2.3")],
            [lib("pandas>=2")],
            "Package `pandas` is asked for in two versions: `pandas==2.2.3` in notebook_packages and "
            "`pandas>=2` in task `a`.",
        ),
        (
            [lib("typing_extensions")],
            [lib("typing_extensions")],
            "Package `typing-extensions` is asked for twice: in notebook_packages and in task `a`.",
        ),
        (
            [],
            [lib("pandas"), {"whl": "/Volumes/x/pandas-2.2.3-py3-none-any.whl"}],
            "Package `pandas` is asked for in two versions: `pandas` in task `a` and "
            "`/Volumes/x/pandas-2.2.3-py3-none-any.whl` in task `a`.",
        ),
        (
            [{"maven": {"coordinates": "org.x:y:1.0"}}],
            [{"maven": {"coordinates": "org.x:y:2.0"}}],
            "Package `org.x:y` is asked for in two versions: `org.x:y:1.0` in notebook_packages and "
            "`org.x:y:2.0` in task `a`.",
        ),
        (
            [{"jar": "/x.jar"}, {"jar": "/x.jar"}],
            [],
            "Package `/x.jar` is asked for twice: in notebook_packages and in notebook_packages.",
        ),
    ],
)
def test_a_package_asked_for_twice_is_refused_naming_both_places(
    common: list[dict[str, Any]], own: list[dict[str, Any]], expected: str
) -> None:
    assert problems(job(task("a", libraries=own), task("b"), notebook_packages=common)) == [expected]


def test_tasks_that_share_a_cluster_cannot_have_two_versions() -> None:
    tasks = task("a", libraries=[lib("x==1")]), task("b", libraries=[lib("x==2")])
    assert problems(job(*tasks)) == []  # a one-time run has a cluster for each task
    assert problems(job(*tasks, launch="run_now")) == [
        "Package `x` is asked for in two versions: `x==1` in task `a` and `x==2` in task `b`."
    ]
    assert problems(job(tasks[0], task("b", libraries=[lib("x==1")]), launch="run_now")) == []


def test_environments_list_a_package_once() -> None:
    environment = {"client": "2", "dependencies": ["x==1", "-r /Workspace/more.txt", "x==2"]}
    assert problems(job(task("a"), environments={"e": environment})) == [
        "Package `x` is asked for in two versions: `x==1` in environment `e` and `x==2` in environment `e`."
    ]


def test_what_pip_alone_understands_is_left_to_pip() -> None:
    assert problems(job(task("a", libraries=[lib("git+https://x.example/y"), lib("./z.whl")]))) == []


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    """For each task the earlier ones that it waits for."""
    size = draw(st.integers(1, 12))
    return [draw(st.lists(st.integers(0, n - 1), unique=True, max_size=4)) if n else [] for n in range(size)]


def tasks_of(graph: list[list[int]], order: list[int]) -> list[DatabricksTask]:
    return [task(f"t{n}", *(f"t{after}" for after in graph[n])) for n in order]


@given(graphs(), st.randoms(use_true_random=False))
def test_a_graph_without_a_cycle_is_valid_in_whatever_order_its_tasks_stand(
    graph: list[list[int]], random: Any
) -> None:
    order = random.sample(range(len(graph)), len(graph))
    assert problems(job(*tasks_of(graph, order))) == []


@given(graphs(), st.data())
def test_a_cycle_is_always_found_and_its_tasks_really_wait_for_each_other(
    graph: list[list[int]], data: st.DataObject
) -> None:
    end = data.draw(st.integers(0, len(graph) - 1))
    path = [end]
    while graph[path[-1]] and data.draw(st.booleans()):
        path.append(data.draw(st.sampled_from(graph[path[-1]])))
    graph[path[-1]].append(end)
    found = problems(job(*tasks_of(graph, list(range(len(graph))))))
    assert found
    for problem in found:
        ring = [int(part) for part in problem.replace("`", "").rstrip(".").split(": t", 1)[1].split(" → t")]
        assert ring[0] == ring[-1]
        assert all(before in graph[after] for before, after in pairwise(ring))


def test_separate_cycles_are_all_named() -> None:
    found = problems(job(task("a", "b"), task("b", "a"), task("c", "d"), task("d", "c"), task("e", "a")))
    assert len(found) == 2


def test_it_survives_json_as_prefect_stores_it() -> None:
    specification = job(task("a"), task("b", {"task_key": "a"}, max_retries=2), environments={"e": {"x": 1}})
    stored = json.loads(specification.model_dump_json())
    assert JobSpecification(**stored) == specification


def test_misspelt_fields_are_refused() -> None:
    with pytest.raises(ValidationError, match="notebok_params"):
        job(task("a"), notebok_params={})
    with pytest.raises(ValidationError, match="retries"):
        task("a", retries=2)
    with pytest.raises(ValidationError, match="max_retries"):
        loop("a", {**NESTED, "max_retries": "often"})


@pytest.mark.parametrize("model", [JobSpecification, DatabricksTask])
def test_every_field_of_the_form_is_described_by_a_sentence(model: Any) -> None:
    assert [
        name for name, field in model.model_fields.items() if not (field.description or "").endswith(".")
    ] == []


def test_new_settings_reach_every_cluster_and_nothing_else() -> None:
    spot = {**CLUSTER, "aws_attributes": {"availability": "SPOT", "zone_id": "auto"}}
    specification = job(
        task("a", needs_values_of=["b"]),
        task("b", job_cluster_key=None, new_cluster=spot),
        loop("c", {**NESTED, "new_cluster": spot}),
        task("d", job_cluster_key=None, existing_cluster_id="1"),
        job_clusters={"main": spot},
    )
    changed = with_new_settings(specification, {"aws_attributes": {"availability": "ON_DEMAND"}})
    safe = {**CLUSTER, "aws_attributes": {"availability": "ON_DEMAND", "zone_id": "auto"}}
    assert changed.job_clusters == {"main": safe}
    assert changed.tasks[1].new_cluster == safe
    assert changed.tasks[2].body["for_each_task"]["task"]["new_cluster"] == safe
    assert changed.tasks[0] == specification.tasks[0]
    assert changed.tasks[3] == specification.tasks[3]
    assert specification.job_clusters == {"main": spot}
