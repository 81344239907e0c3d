"""Jobs that users have already: settings of saved jobs, and bundles."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.plan import plan
from databricks_blocks.job.request_bodies import create_body, submit_body
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.validation import problems

CLUSTER = {"spark_version": "x", "node_type_id": "y", "num_workers": 1}
ANSWER = {
    "job_id": 7,
    "creator_user_name": "ada@example.com",
    "created_time": 1,
    "settings": {
        "name": "nightly",
        "format": "MULTI_TASK",
        "max_concurrent_runs": 1,
        "email_notifications": {},
        "timeout_seconds": 0,
        "queue": {"enabled": True},
        "schedule": {"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC"},
        "deployment": {"kind": "BUNDLE"},
        "tags": {"team": "x", "databricks_flows_hash": "old"},
        "job_clusters": [{"job_cluster_key": "main", "new_cluster": CLUSTER}],
        "environments": [{"environment_key": "e", "spec": {"client": "2"}}],
        "tasks": [
            {
                "task_key": "a",
                "job_cluster_key": "main",
                "notebook_task": {"notebook_path": "/a", "source": "WORKSPACE"},
                "run_if": "ALL_SUCCESS",
                "description": "first",
                "libraries": None,
            },
            {"task_key": "b", "depends_on": [{"task_key": "a"}], "sql_task": {"warehouse_id": "1"}},
        ],
    },
}


def test_the_answer_of_jobs_get_becomes_a_run_and_what_is_left_behind_is_told() -> None:
    specification, notes = JobSpecification.from_settings(ANSWER)
    assert problems(specification) == []
    body = submit_body(specification, token="t")
    assert body == {
        "run_name": "nightly",
        "idempotency_token": "t",
        "queue": {"enabled": True},
        "environments": [{"environment_key": "e", "spec": {"client": "2"}}],
        "tasks": [
            {
                "task_key": "a",
                "new_cluster": CLUSTER,
                "notebook_task": {"notebook_path": "/a", "source": "WORKSPACE"},
                "run_if": "ALL_SUCCESS",
                "description": "first",
            },
            {"task_key": "b", "depends_on": [{"task_key": "a"}], "sql_task": {"warehouse_id": "1"}},
        ],
    }
    left = {"format", "max_concurrent_runs", "schedule", "deployment", "tags"}
    assert {note.split("`")[1] for note in notes} == left


def test_a_saved_job_keeps_what_a_one_time_run_cannot_have() -> None:
    settings = {**ANSWER["settings"], "parameters": [{"name": "day", "default": "1"}]}
    specification, notes = JobSpecification.from_settings(settings, launch="run_now")
    assert problems(specification) == []
    body = create_body(specification)
    assert body["tags"]["team"] == "x"
    assert body["max_concurrent_runs"] == 1
    assert body["parameters"] == [{"name": "day", "default": "1"}]
    assert "schedule" not in body
    assert {note.split("`")[1] for note in notes} == {"schedule", "deployment"}


def test_a_job_can_be_run_as_it_is() -> None:
    specification, notes = JobSpecification.from_settings(ANSWER, launch="existing_job")
    assert (specification.existing_job_id, specification.name, notes) == (7, "nightly", [])
    assert problems(specification) == []


@pytest.mark.parametrize(
    ("settings", "launch", "message"),
    [
        ({"notebook_task": {"notebook_path": "/a"}}, "submit", "format of one task"),
        ({"name": "x", "tasks": {"a": 1}}, "submit", "tasks has to be a list of objects"),
        ({"tasks": [{"sql_task": {}}]}, "submit", r"tasks\.0\.task_key: Field required"),
        ({"tasks": [{"task_key": "a", "max_retries": "x"}]}, "submit", r"tasks\.0\.max_retries"),
        ({"job_clusters": [{"new_cluster": {}}]}, "submit", r"job_clusters\[0\] has no job_cluster_key"),
        (
            {"job_clusters": [{"job_cluster_key": "a", "serverless_compute_id": "x"}]},
            "submit",
            r"job_clusters\[0\] has serverless_compute_id, which cannot be taken over",
        ),
        ({"parameters": [{"name": "a"}, {"name": "a"}]}, "submit", r"parameters\[1\] repeats the name `a`"),
        ({**ANSWER, "next_page_token": "x"}, "submit", "one page of the answer"),
        (ANSWER["settings"], "existing_job", "has no job_id"),
    ],
)
def test_settings_that_cannot_be_read_say_where(settings: dict[str, Any], launch: Any, message: str) -> None:
    with pytest.raises(InvalidJob, match=message):
        JobSpecification.from_settings(settings, launch=launch)


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path = path.with_name(path.name + ".yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return root


BUNDLE = """
    bundle:
      name: shop
    include:
      - resources/*.yml
    workspace:
      host: https://dbc.example
      root_path: /Workspace/Shared/${bundle.name}/${bundle.target}
    variables:
      catalog:
        default: dev_${bundle.target}
      cluster:
        type: complex
        default:
          spark_version: 16.4.x-scala2.12
          num_workers: 1
          spark_conf:
            home: ${HOME}
      warehouse:
        lookup: {warehouse: Starter}
    permissions:
      - level: CAN_VIEW
        group_name: users
    targets:
      dev:
        default: true
        mode: development
      prod:
        variables:
          catalog: prod
        run_as: {service_principal_name: robot}
        resources:
          jobs:
            nightly:
              name: ${bundle.name} nightly
              tasks:
                - task_key: join
                  max_retries: 2
              job_clusters:
                - job_cluster_key: main
                  new_cluster: {num_workers: 8}
"""

JOB = """
    resources:
      jobs:
        nightly:
          permissions: [{level: CAN_MANAGE, group_name: users}]
          parameters:
            - {name: year, default: 2024}
          job_clusters:
            - job_cluster_key: main
              new_cluster: ${var.cluster}
          environments:
            - environment_key: e
              spec:
                client: "2"
                dependencies: [pandas, "-r ./requirements.txt", ../dist/shop-1.0-py3-none-any.whl]
          tasks:
            - task_key: join
              job_cluster_key: main
              notebook_task:
                notebook_path: ../src/join.py
                base_parameters:
                  catalog: ${var.catalog}
                  target: s3://bucket/${var.catalog}/x
                  start: 12:30
                  day: 2024-01-31
                  full: yes
                  sure: true
              libraries:
                - whl: ../dist/shop-1.0-py3-none-any.whl
            - task_key: plot
              depends_on: [{task_key: join}]
              environment_key: e
              spark_python_task:
                python_file: ../src/plot.py
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write(tmp_path, databricks=BUNDLE, resources__nightly=JOB)


def test_a_job_of_a_bundle_is_read_as_its_default_target_has_it(bundle: Path) -> None:
    specification, notes = JobSpecification.from_bundle(bundle, launch="run_now")
    assert problems(specification) == []
    body = create_body(specification)
    assert body["name"] == "nightly"
    assert body["parameters"] == [{"name": "year", "default": "2024"}]
    assert body["job_clusters"][0]["new_cluster"] == {
        "spark_version": "16.4.x-scala2.12",
        "num_workers": 1,
        "spark_conf": {"home": "${HOME}"},
    }
    join, plot = body["tasks"]
    files = "/Workspace/Shared/shop/dev/files"
    artifacts = "/Workspace/Shared/shop/dev/artifacts/.internal"
    assert join["notebook_task"] == {
        "notebook_path": f"{files}/src/join",
        "base_parameters": {
            "catalog": "dev_dev",
            "target": "s3://bucket/dev_dev/x",
            "start": "12:30",
            "day": "2024-01-31",
            "full": "yes",
            "sure": "true",
        },
    }
    assert join["libraries"] == [{"whl": f"{artifacts}/shop-1.0-py3-none-any.whl"}]
    assert plot["spark_python_task"] == {"python_file": f"{files}/src/plot.py"}
    assert body["environments"][0]["spec"]["dependencies"] == [
        "pandas",
        f"-r {files}/resources/requirements.txt",
        f"{artifacts}/shop-1.0-py3-none-any.whl",
    ]
    told = " ".join(notes)
    for name in ("permissions", "mode: development", "workspace.host"):
        assert f"`{name}`" in told


def test_a_target_is_merged_over_the_job_by_the_keys_of_its_lists(bundle: Path) -> None:
    specification, _ = JobSpecification.from_bundle(bundle / "databricks.yml", job="nightly", target="prod")
    assert specification.name == "shop nightly"
    assert specification.job_clusters["main"]["num_workers"] == 8
    assert specification.job_clusters["main"]["spark_version"] == "16.4.x-scala2.12"
    join, plot = specification.tasks
    assert join.max_retries == 2
    assert join.body["notebook_task"]["base_parameters"]["catalog"] == "prod"
    assert join.body["notebook_task"]["notebook_path"] == "/Workspace/Shared/shop/prod/files/src/join"
    assert plot.upstream == ["join"]
    assert specification.extra_job_params == {"run_as": {"service_principal_name": "robot"}}


def test_variables_that_are_given_win(bundle: Path) -> None:
    specification, _ = JobSpecification.from_bundle(
        bundle, target="prod", variables={"catalog": "mine", "warehouse": "1"}
    )
    assert specification.tasks[0].body["notebook_task"]["base_parameters"]["catalog"] == "mine"


SMALL = """
    bundle: {name: shop}
    variables:
      given:
      circle: {default: "${var.circle}"}
      looked_up: {lookup: {warehouse: Starter}}
    targets: {dev: }
    resources:
      jobs:
        one:
          tasks:
            - task_key: a
              notebook_task: {notebook_path: ./a.ipynb, base_parameters: {x: %s}}
"""


def test_paths_below_a_home_directory_need_the_user(tmp_path: Path) -> None:
    write(tmp_path, databricks=SMALL % "1")
    with pytest.raises(InvalidJob, match=r"workspace.current_user.userName.*give the name of the user"):
        JobSpecification.from_bundle(tmp_path)
    specification, _ = JobSpecification.from_bundle(tmp_path, user_name="ada@example.com")
    path = specification.tasks[0].body["notebook_task"]["notebook_path"]
    assert path == "/Workspace/Users/ada@example.com/.bundle/shop/dev/files/a"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("${var.given}", "variable `given` has no default: give its value."),
        ("${var.looked_up}", "variable `looked_up` is looked up in the workspace: give its value."),
        ("${var.none}", "${var.none}: there is no variable `none` in `variables`."),
        ("${var.circle}", "the references lead in a circle: ${var.circle} → ${var.circle}."),
        (
            "x-${resources.jobs.other.id}",
            "${resources.jobs.other.id} cannot be resolved: only a deployment knows it: write the value "
            "into the file, or make it a variable.",
        ),
        ("${bundle.git.branch}", "${bundle.git.branch} cannot be resolved: the file does not say it"),
    ],
)
def test_a_reference_that_leads_nowhere_names_the_file_and_the_place(
    tmp_path: Path, value: str, message: str
) -> None:
    write(tmp_path, databricks=SMALL % f'"{value}"')
    with pytest.raises(InvalidJob) as caught:
        JobSpecification.from_bundle(tmp_path, user_name="ada")
    place = "resources.jobs.one.tasks[0].notebook_task.base_parameters.x"
    assert str(caught.value).startswith(f"{tmp_path / 'databricks.yml'}: {place}: ")
    assert message in str(caught.value)


def test_a_value_of_another_resource_that_the_file_says_is_taken(tmp_path: Path) -> None:
    write(tmp_path, databricks=SMALL % '"${resources.jobs.one.tasks[0].task_key}"')
    specification, _ = JobSpecification.from_bundle(tmp_path, user_name="ada")
    assert specification.tasks[0].body["notebook_task"]["base_parameters"] == {"x": "a"}


TWO_JOBS = "resources: {jobs: {a: {tasks: []}, b: {tasks: []}}}\ntargets: {dev: , prod: }\nbundle: {name: x}"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (TWO_JOBS, {"target": "dev"}, "resources.jobs: choose one of `a`, `b`."),
        (TWO_JOBS, {}, "targets: choose one of `dev`, `prod`; there is no single default."),
        (TWO_JOBS, {"target": "test"}, "targets: there is no `test`; there is `dev`, `prod`."),
        (TWO_JOBS, {"target": "dev", "job": "c"}, "resources.jobs: there is no `c`; there is `a`, `b`."),
        (
            TWO_JOBS,
            {"target": "dev", "job": "a", "variables": {"x": "1"}},
            "variables: the bundle has no variable `x`.",
        ),
        ("bundle: {name: x}", {}, "resources.jobs: the bundle has no job."),
        ("bundle: {name: x}", {"target": "dev"}, "targets: there is no `dev`; there is `default`."),
        ("bundle: {name: x}\ntargets: {dev: }", {}, "resources.jobs: the bundle has no job."),
        ("- a", {}, "has to be a YAML mapping."),
        ("targets: [dev]", {}, "- targets: Input should be a valid dictionary"),
        ("a: [", {}, "is no YAML:"),
        ("include: [more.yml]\ntargets: {dev: }", {}, "include: there is no file `more.yml`."),
        ("include: [../*.yml]\ntargets: {dev: }", {}, "leads out of the directory of the bundle."),
        (
            "targets: {dev: {variables: {x: 1}}}",
            {},
            "targets.dev.variables.x: there is no such variable.",
        ),
        (
            "targets: {dev: {resources: {jobs: {a: {tags: [b]}}}}}\nresources: {jobs: {a: {tags: {c: d}}}}",
            {},
            "targets.dev.resources.jobs.a.tags: a list cannot be merged into a mapping.",
        ),
        (
            "bundle: {name: x}\ntargets: {dev: }\nresources: {jobs: {a: {tasks: [{task_key: b, "
            "notebook_task: {notebook_path: ../b.py}}]}}}",
            {},
            "`../b.py` is not in the directory of the bundle: move it there.",
        ),
        (
            "bundle: {name: x}\ntargets: {dev: }\nresources: {jobs: {a: {tasks: [{task_key: b, "
            "libraries: [{whl: dist/*.whl}]}]}}}",
            {},
            "`dist/*.whl` names no single file: write the name of the built file.",
        ),
        (
            "bundle: {name: x}\ntargets: {dev: }\nresources: {jobs: {a: {tasks: [{task_key: b, "
            "max_retries: often}]}}}",
            {},
            "resources.jobs.a cannot be read as a job:\n- tasks.0.max_retries:",
        ),
    ],
)
def test_a_bundle_that_cannot_be_read_names_the_file_and_what_to_do(
    tmp_path: Path, text: str, options: dict[str, Any], message: str
) -> None:
    file = tmp_path / "databricks.yml"
    file.write_text(text)
    with pytest.raises(InvalidJob) as caught:
        JobSpecification.from_bundle(file, **{"user_name": "ada", **options})
    assert str(caught.value).startswith(str(file))
    assert message in str(caught.value)


def test_a_target_that_looks_a_variable_up_does_not_fall_back_on_the_default(tmp_path: Path) -> None:
    target = "targets: {dev: {variables: {a: {lookup: {warehouse: Starter}}}}}"
    job = "resources: {jobs: {one: {name: '${var.a}', tasks: []}}}"
    write(tmp_path, databricks=f"variables: {{a: {{default: x}}}}\n{target}\n{job}")
    with pytest.raises(InvalidJob, match="variable `a` is looked up in the workspace"):
        JobSpecification.from_bundle(tmp_path)
    specification, _ = JobSpecification.from_bundle(tmp_path, variables={"a": "given"})
    assert specification.name == "given"


def test_a_directory_without_a_bundle_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidJob, match=r"holds none of databricks.yml"):
        JobSpecification.from_bundle(tmp_path)


def test_paths_of_a_git_source_stay_relative_to_the_repository(tmp_path: Path) -> None:
    write(
        tmp_path,
        databricks="""
            bundle: {name: shop}
            targets: {dev: }
            resources:
              jobs:
                one:
                  git_source: {git_url: "https://g.example/x", git_provider: gitHub, git_branch: main}
                  tasks:
                    - {task_key: a, notebook_task: {notebook_path: src/a, source: GIT}}
        """,
    )
    specification, _ = JobSpecification.from_bundle(tmp_path)
    assert specification.tasks[0].body["notebook_task"]["notebook_path"] == "src/a"
    assert specification.extra_job_params["git_source"]["git_branch"] == "main"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield (*path, name)
        yield from places(item, (*path, name))


WHOLE: dict[str, Any] = {
    "bundle": {"name": "x"},
    "include": [],
    "workspace": {"root_path": "/r"},
    "variables": {"a": {"default": "1"}, "b": {"default": {"x": 1}}},
    "targets": {
        "dev": {
            "variables": {"a": "2"},
            "resources": {"jobs": {"j": {"tasks": [{"task_key": "t", "max_retries": 1}]}}},
        }
    },
    "resources": {
        "jobs": {
            "j": {
                "name": "${var.a}",
                "parameters": [{"name": "p", "default": "1"}],
                "environments": [{"environment_key": "e", "spec": {"dependencies": ["a"]}}],
                "job_clusters": [{"job_cluster_key": "c", "new_cluster": "${var.b}"}],
                "tasks": [
                    {
                        "task_key": "t",
                        "libraries": [{"whl": "./a.whl"}],
                        "notebook_task": {"notebook_path": "./a", "base_parameters": {"x": 1}},
                    },
                    {
                        "task_key": "u",
                        "depends_on": [{"task_key": "t"}],
                        "for_each_task": {
                            "inputs": "[]",
                            "task": {"task_key": "v", "notebook_task": {"notebook_path": "b"}},
                        },
                    },
                ],
            }
        }
    },
}


def read_or_refused(file: Path) -> str:
    try:
        specification, _ = JobSpecification.from_bundle(file, launch="run_now")
    except InvalidJob as error:
        return str(error)
    return f"{file}: {problems(specification)} {plan(specification).as_markdown()}"


@pytest.mark.parametrize("place", list(places(WHOLE)), ids=lambda place: ".".join(map(str, place)))
def test_whatever_stands_in_a_bundle_it_is_read_or_refused_by_one_error(
    tmp_path: Path, place: tuple[Any, ...]
) -> None:
    file = tmp_path / "databricks.yml"
    for value in (None, True, 1, "x", "${var.b}", [], [1], {}, {"a": 1}):
        content = deepcopy(WHOLE)
        holder: Any = content
        for name in place[:-1]:
            holder = holder[name]
        holder[place[-1]] = value
        file.write_text(json.dumps(content))
        assert str(file) in read_or_refused(file)
