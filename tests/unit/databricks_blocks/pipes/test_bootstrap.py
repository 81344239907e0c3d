"""How parameters reach each kind of task, in each way to launch."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from dagster_pipes import decode_param as their_decode_param
from dagster_pipes import encode_param as their_encode_param
from databricks_blocks.errors import InvalidJob
from databricks_blocks.job.request_bodies import create_body, run_now_body, submit_body
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import DatabricksTask
from databricks_blocks.job.validation import check
from databricks_blocks.pipes.bootstrap import Bootstrap, Caller, bootstrap, session
from databricks_blocks.pipes.parameters import arguments_of
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.pipes.protocol import decode_param, encode_param
from prefect.utilities.callables import parameter_schema
from pydantic import ValidationError

CLUSTER = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
CALLER = Caller("a-run", "a flow", 1)
VOLUME = Pipes(volume="/Volumes/main/ops/pipes")
CONTEXT, MESSAGES = "DAGSTER_PIPES_CONTEXT", "DAGSTER_PIPES_MESSAGES"
NOTEBOOK = {"notebook_task": {"notebook_path": "/Shared/a", "base_parameters": {"own": "1"}}}
SCRIPT = {"spark_python_task": {"python_file": "/Workspace/a.py", "parameters": ["own"]}}
WHEEL = {"python_wheel_task": {"package_name": "a", "entry_point": "b", "named_parameters": {"own": "1"}}}
COMPUTE: dict[str, dict[str, Any]] = {
    "own cluster": {"new_cluster": CLUSTER},
    "job cluster": {"job_cluster_key": "shared"},
    "existing": {"existing_cluster_id": "0101-000000-abc"},
    "serverless": {"environment_key": "default"},
}


def job(*tasks: DatabricksTask, **fields: Any) -> JobSpecification:
    return JobSpecification(
        name="nightly",
        tasks=list(tasks),
        job_clusters={"shared": CLUSTER},
        environments={"default": {"environment_version": "2"}},
        **fields,
    )


def one(body: dict[str, Any], compute: str = "own cluster", **fields: Any) -> JobSpecification:
    return job(DatabricksTask(task_key="only", body=body, **COMPUTE[compute]), **fields)


def piped(specification: JobSpecification, pipes: Pipes = VOLUME, token: str = "t") -> Bootstrap:
    return bootstrap(specification, pipes, CALLER, token=token)


def found_in(task: dict[str, Any]) -> set[str]:
    """The ways in which parameters are in the JSON of a task."""
    notebook, cluster = task.get("notebook_task") or {}, task.get("new_cluster") or {}
    program = task.get("spark_python_task") or task.get("python_wheel_task") or {}
    return {
        *(["widgets"] if CONTEXT in (notebook.get("base_parameters") or {}) else []),
        *(["environment"] if CONTEXT in (cluster.get("spark_env_vars") or {}) else []),
        *(["arguments"] if "--dagster-pipes-context" in (program.get("parameters") or []) else []),
    }


@pytest.mark.parametrize(
    ("body", "compute", "launch", "ways"),
    [
        (NOTEBOOK, "own cluster", "submit", {"widgets", "environment"}),
        (NOTEBOOK, "job cluster", "submit", {"widgets", "environment"}),
        (NOTEBOOK, "existing", "submit", {"widgets"}),
        (NOTEBOOK, "serverless", "submit", {"widgets"}),
        (SCRIPT, "own cluster", "submit", {"environment"}),
        (SCRIPT, "job cluster", "submit", {"environment"}),
        (SCRIPT, "existing", "submit", {"arguments"}),
        (SCRIPT, "serverless", "submit", {"arguments"}),
        (WHEEL, "own cluster", "submit", {"environment"}),
        (WHEEL, "serverless", "submit", {"arguments"}),
        (NOTEBOOK, "job cluster", "run_now", {"widgets"}),
        (NOTEBOOK, "own cluster", "run_now", {"widgets"}),
        (SCRIPT, "own cluster", "run_now", {"arguments"}),
        (WHEEL, "job cluster", "run_now", {"arguments"}),
        ({"condition_task": {"op": "EQUAL_TO", "left": "1", "right": "1"}}, "serverless", "submit", set()),
        ({"sql_task": {"warehouse_id": "1"}}, "serverless", "submit", set()),
        ({"notebook_task": {"notebook_path": "/a", "warehouse_id": "1"}}, "serverless", "submit", set()),
    ],
)
def test_the_usual_way(body: dict[str, Any], compute: str, launch: str, ways: set[str]) -> None:
    found = piped(one(body, compute, launch=launch))
    (task,) = found.specification.tasks
    assert found_in(task.as_json()) == ways
    assert [each.task_key for each in found.session.tasks] == (["only"] if ways else [])
    if "condition_task" not in body and "sql_task" not in body:
        check(found.specification)


def test_what_a_user_has_set_stays() -> None:
    own = {**CLUSTER, "spark_env_vars": {"OWN": "1"}}
    specification = job(
        DatabricksTask(task_key="a", body=NOTEBOOK, new_cluster=own),
        DatabricksTask(task_key="b", body=SCRIPT, environment_key="default", needs_values_of=["a"]),
        DatabricksTask(task_key="c", body=WHEEL, environment_key="default"),
    )
    a, b, c = piped(specification).specification.tasks
    assert a.new_cluster is not None
    assert a.new_cluster["spark_env_vars"]["OWN"] == "1"
    assert a.body["notebook_task"]["base_parameters"]["own"] == "1"
    assert b.body["spark_python_task"]["parameters"][0] == "own"
    assert b.needs_values_of == ["a"]
    # Databricks takes one of the two fields, and passes named parameters in this form.
    assert c.body["python_wheel_task"]["parameters"][0] == "--own=1"
    assert "named_parameters" not in c.body["python_wheel_task"]
    assert NOTEBOOK["notebook_task"]["base_parameters"] == {"own": "1"}


def test_each_task_has_a_folder_and_all_have_one_context() -> None:
    tasks = [DatabricksTask(task_key=key, body=NOTEBOOK, environment_key="default") for key in ("a", "b")]
    found = piped(job(*tasks), VOLUME.model_copy(update={"extras": {"day": 1}, "partition_key": "p"}))
    assert len({task.directory for task in found.session.tasks}) == 2
    ((path, content),) = found.session.files.items()
    context = json.loads(content)
    assert (context["run_id"], context["job_name"], context["retry_number"]) == ("a-run", "a flow", 1)
    assert (context["extras"], context["partition_key"]) == ({"day": 1}, "p")
    assert context["partition_key_range"] == {"start": "p", "end": "p"}
    for task, sent in zip(found.session.tasks, found.specification.tasks, strict=True):
        values = sent.body["notebook_task"]["base_parameters"]
        assert their_decode_param(values[CONTEXT]) == {"path": path}
        said = their_decode_param(values[MESSAGES])
        assert said == {"path": task.directory, "include_stdio_in_messages": False, "interval": 1.0}


def test_the_folder_is_the_same_for_a_retry_and_another_one_for_another_launch() -> None:
    specification = one(NOTEBOOK)
    first, again, other = (piped(specification, token=token) for token in ("t", "t", "u"))
    assert first == again
    assert first.session.directory != other.session.directory


def test_a_saved_job_keeps_its_settings_from_run_to_run() -> None:
    specification = job(
        *(
            DatabricksTask(task_key=key, body=body, job_cluster_key="shared")
            for key, body in {"a": NOTEBOOK, "b": SCRIPT, "c": WHEEL}.items()
        ),
        launch="run_now",
    )
    first, second = (piped(specification, token=token).specification for token in ("t", "u"))
    assert create_body(first)["tags"] == create_body(second)["tags"]
    assert create_body(first)["tasks"] == create_body(second)["tasks"]
    sent = run_now_body(first, 1, token="-")["job_parameters"]
    assert sent != run_now_body(second, 1, token="-")["job_parameters"]
    assert decode_param(sent["pipes_messages_1"])["path"].endswith("/b")
    arguments = first.tasks[1].body["spark_python_task"]["parameters"]
    assert arguments[1:] == [
        "--dagster-pipes-context",
        "{{job.parameters.pipes_context}}",
        "--dagster-pipes-messages",
        "{{job.parameters.pipes_messages_1}}",
    ]


def test_asset_keys_of_one_task() -> None:
    tasks = [DatabricksTask(task_key=key, body=NOTEBOOK, job_cluster_key="shared") for key in ("a", "b")]
    pipes = VOLUME.model_copy(update={"asset_keys": {"b": ["main/b"]}})
    found = piped(job(*tasks, launch="run_now"), pipes)
    contexts = {
        path.rpartition("/")[2]: json.loads(content)["asset_keys"]
        for path, content in found.session.files.items()
    }
    assert contexts == {"context.json": None, "b.context.json": ["main/b"]}
    sent = found.specification.job_parameters
    assert decode_param(sent["pipes_context_1"])["path"].endswith("/b.context.json")


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({}, "job_parameters"),
        ({"job_parameters": {"own": "1"}}, "job_parameters"),
        ({"notebook_params": {"own": "1"}}, "notebook_params"),
        ({"extra_job_params": {"python_params": ["own"]}}, "notebook_params"),
    ],
)
def test_an_existing_job_gets_parameters_with_its_run(fields: dict[str, Any], place: str) -> None:
    specification = JobSpecification(name="theirs", launch="existing_job", existing_job_id=7, **fields)
    found = piped(specification)
    check(found.specification)
    sent = run_now_body(found.specification, 7, token="-")[place]
    assert sent[MESSAGES] == found.session.tasks[0].parameters.messages
    assert [task.task_key for task in found.session.tasks] == [""]
    assert "widgets" in found.session.tasks[0].hint


def test_only_one_task_of_an_existing_job_can_speak() -> None:
    specification = JobSpecification(name="theirs", launch="existing_job", existing_job_id=7)
    found = piped(specification, VOLUME.model_copy(update={"tasks": ["load"]}))
    assert [task.task_key for task in found.session.tasks] == ["load"]
    with pytest.raises(InvalidJob, match="only one of them can speak"):
        piped(specification, VOLUME.model_copy(update={"tasks": ["load", "train"]}))


def loop(concurrency: int | None) -> DatabricksTask:
    nested = {"task_key": "each", **SCRIPT, "new_cluster": CLUSTER}
    more = {} if concurrency is None else {"concurrency": concurrency}
    return DatabricksTask(task_key="loop", body={"for_each_task": {"inputs": "[1]", "task": nested, **more}})


def test_the_task_that_a_loop_repeats_speaks_for_the_loop() -> None:
    found = piped(job(loop(None)))
    (task,) = found.specification.tasks
    assert found_in(task.body["for_each_task"]["task"]) == {"environment"}
    assert [each.task_key for each in found.session.tasks] == ["loop"]
    # One after the other, they overwrite what was not read yet; at once, they also mix.
    for each in (found, piped(job(loop(5)))):
        (warning,) = each.warnings
        assert "use databricks_pipes, which tells them apart" in warning


@pytest.mark.parametrize(
    ("bodies", "seconds"),
    [
        ([NOTEBOOK], 1),
        ([NOTEBOOK] * 10, 2),
        ([NOTEBOOK] * 3 + [{"sql_task": {"warehouse_id": "1"}}] * 30, 1),
        ([{"for_each_task": {"inputs": "[1]", "concurrency": 20, "task": {"task_key": "e", **NOTEBOOK}}}], 4),
        ([NOTEBOOK] * 90, 10),
    ],
)
def test_all_writers_together_send_no_more_than_the_flow_can_read(
    bodies: list[dict[str, Any]], seconds: float
) -> None:
    tasks = [DatabricksTask(task_key=f"t{number}", body=body) for number, body in enumerate(bodies)]
    found = piped(job(*tasks)).session
    assert {task.parameters.interval for task in found.tasks} == {seconds}
    assert {their_decode_param(task.parameters.messages)["interval"] for task in found.tasks} == {seconds}


@pytest.mark.parametrize("speaks", [True, False])
@pytest.mark.parametrize("repeated", [True, False])
def test_a_wheel_of_a_saved_job_gets_the_same_parameters_with_and_without_pipes(
    speaks: bool, repeated: bool
) -> None:
    """Databricks adds job parameters to named ones only, and then also those of pipes."""
    named = {
        "python_wheel_task": {**WHEEL["python_wheel_task"], "named_parameters": {"own": "1", "day": "0"}}
    }
    nested = {"task_key": "each", **named, "environment_key": "default"}
    body = {"for_each_task": {"inputs": "[1]", "task": nested}} if repeated else named
    compute = {} if repeated else COMPUTE["serverless"]
    tasks = [
        DatabricksTask(task_key="wheel", body=body, **compute),
        DatabricksTask(task_key="notebook", body=NOTEBOOK, environment_key="default"),
    ]
    days = {"day": "2026-11-28", "country": "PE"}
    pipes = VOLUME if speaks else VOLUME.model_copy(update={"tasks": ["notebook"]})
    found = piped(job(*tasks, launch="run_now", job_parameters=days), pipes).specification
    task = found.tasks[0].as_json()
    program = (task["for_each_task"]["task"] if repeated else task)["python_wheel_task"]
    assert "named_parameters" not in program
    # As Databricks passes named parameters: those of the job replace the task's own, and are added to them.
    wanted = ["--own=1", "--day={{job.parameters.day}}", "--country={{job.parameters.country}}"]
    assert program["parameters"][:3] == wanted
    assert len(program["parameters"]) == (7 if speaks else 3)
    assert set(found.job_parameters) > set(days)


def test_a_wheel_of_a_job_without_parameters_of_pipes_stays_as_it_is() -> None:
    tasks = [
        DatabricksTask(task_key=key, body=body, environment_key="default")
        for key, body in {"wheel": WHEEL, "notebook": NOTEBOOK}.items()
    ]
    pipes = VOLUME.model_copy(update={"tasks": ["notebook"]})
    assert piped(job(*tasks), pipes).specification.tasks[0] == tasks[0]


def test_older_parameters_of_a_saved_job_that_speaks_are_refused_by_name() -> None:
    specification = one(
        WHEEL, "serverless", launch="run_now", extra_job_params={"python_named_params": {"day": "1"}}
    )
    with pytest.raises(
        InvalidJob, match="python_named_params: the API refuses it together with job parameters"
    ):
        piped(specification)


@pytest.mark.parametrize(
    ("ways", "body", "compute", "launch", "problem"),
    [
        ({"only": "widgets"}, SCRIPT, "own cluster", "submit", "only a notebook has widgets"),
        ({"only": "arguments"}, NOTEBOOK, "own cluster", "submit", "a notebook has no arguments"),
        ({"only": "environment"}, SCRIPT, "existing", "submit", "no cluster of its own"),
        ({"only": "environment"}, SCRIPT, "own cluster", "run_now", "other settings for each run"),
        ({"other": "arguments"}, SCRIPT, "own cluster", "submit", "no such task speaks: other"),
    ],
)
def test_a_way_that_cannot_be(
    ways: dict[str, Any], body: dict[str, Any], compute: str, launch: str, problem: str
) -> None:
    with pytest.raises(InvalidJob, match=problem):
        piped(one(body, compute, launch=launch), VOLUME.model_copy(update={"ways": ways}))


def test_assets_of_a_task_that_does_not_speak() -> None:
    with pytest.raises(InvalidJob, match=r"pipes\.asset_keys: no such task speaks: typo"):
        piped(one(NOTEBOOK), VOLUME.model_copy(update={"asset_keys": {"typo": ["a"]}}))


def test_a_way_of_the_users_choice() -> None:
    found = piped(one(SCRIPT), VOLUME.model_copy(update={"ways": {"only": "arguments"}}))
    assert found_in(found.specification.tasks[0].as_json()) == {"arguments"}
    assert "PipesCliArgsParamsLoader()" in found.session.tasks[0].hint


def test_only_the_named_tasks_speak() -> None:
    tasks = [DatabricksTask(task_key=key, body=NOTEBOOK, environment_key="default") for key in ("a", "b")]
    found = piped(job(*tasks), VOLUME.model_copy(update={"tasks": ["b"]}))
    assert [found_in(task.as_json()) for task in found.specification.tasks] == [set(), {"widgets"}]
    with pytest.raises(InvalidJob, match=r"pipes\.tasks: c cannot speak"):
        piped(job(*tasks), VOLUME.model_copy(update={"tasks": ["c"]}))


def test_more_parameters_than_a_run_takes() -> None:
    tasks = [
        DatabricksTask(task_key=f"task-{number}", body=NOTEBOOK, job_cluster_key="shared")
        for number in range(100)
    ]
    with pytest.raises(InvalidJob, match=r"a run takes 10,000\. Name the tasks that speak"):
        piped(job(*tasks, launch="run_now"))
    submit_body(piped(job(*tasks)).specification, token="-")


def test_dbfs() -> None:
    pipes = Pipes(dbfs="dbfs:/tmp/pipes")
    found = piped(one(SCRIPT), pipes)
    assert found.session.directory.startswith("/tmp/pipes/")
    assert "PipesDbfsMessageWriter()" in found.session.tasks[0].hint
    assert found.warnings == ()
    (warning,) = piped(one(SCRIPT, "serverless"), pipes).warnings
    assert "use a volume" in warning


def test_logs_of_drivers_are_delivered_where_no_other_place_is_named() -> None:
    elsewhere = {**CLUSTER, "cluster_log_conf": {"dbfs": {"destination": "dbfs:/theirs"}}}
    specification = job(
        DatabricksTask(task_key="a", body=NOTEBOOK, job_cluster_key="shared"),
        DatabricksTask(task_key="b", body=NOTEBOOK, new_cluster=elsewhere),
        launch="run_now",
    )
    pipes = VOLUME.model_copy(update={"driver_logs": True})
    first, second = (piped(specification, pipes, token).specification for token in ("t", "u"))
    ours = {"volumes": {"destination": "/Volumes/main/ops/pipes/logs"}}
    assert first.job_clusters["shared"]["cluster_log_conf"] == ours
    assert first.tasks[1].new_cluster == elsewhere
    assert create_body(first)["tags"] == create_body(second)["tags"]


def test_a_session_for_code_that_somebody_else_launches() -> None:
    made = session(VOLUME, CALLER, token="t")
    (task,) = made.tasks
    environment = task.parameters.environment
    assert set(environment) == {CONTEXT, MESSAGES}
    assert arguments_of(environment)[::2] == ["--dagster-pipes-context", "--dagster-pipes-messages"]
    assert their_decode_param(environment[MESSAGES])["path"] == task.directory


@pytest.mark.parametrize("value", [{"path": "/Volumes/a"}, {"data": {"é": [1, None, "\u2028"]}}, "", []])
def test_parameters_are_those_of_the_package(value: Any) -> None:
    assert their_decode_param(encode_param(value)) == value
    assert decode_param(their_encode_param(value)) == value


@pytest.mark.parametrize("text", ["", "no base64!", "bm8gemxpYg=="])
def test_what_is_no_parameter(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a parameter of pipes|base64|Incorrect padding"):
        decode_param(text)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "name one folder"),
        ({"volume": "/Volumes/a/b/c", "dbfs": "dbfs:/a"}, "name one folder"),
        ({"volume": "/Volumes/a/b"}, "/Volumes/CATALOG/SCHEMA/VOLUME"),
        ({"volume": "main.ops.pipes"}, "/Volumes/CATALOG/SCHEMA/VOLUME"),
        ({"dbfs": "tmp/pipes"}, "dbfs:/FOLDER"),
        ({"dbfs": "/dbfs/tmp"}, "dbfs:/FOLDER"),
        ({"dbfs": "/Volumes/a/b/c"}, "dbfs:/FOLDER"),
        ({"volume": "/Volumes/a/b/c", "ways": {"a": "magic"}}, "widgets"),
        ({"volume": "/Volumes/a/b/c", "extras": {"day": date(2026, 11, 27)}}, "extras have to be JSON"),
    ],
)
def test_what_is_wrong_with_the_options(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Pipes(**fields)


def test_the_options_are_a_form_and_json_as_prefect_needs_them() -> None:
    def flow(pipes: Pipes | None = None) -> None:
        """A flow."""

    schema = parameter_schema(flow).definitions["Pipes"]
    assert "on_message" not in schema["properties"]
    pipes = Pipes(volume="/Volumes/a/b/c", on_message=print)
    assert Pipes.model_validate_json(pipes.model_dump_json()).volume == "/Volumes/a/b/c"
