"""What is kept of runs is what they were made from, and nothing of it is judged again."""

import json
from typing import Any

import pytest
from databricks_local.jobs.libraries import Library
from databricks_local.jobs.specs import (
    Body,
    ClusterSpec,
    ConditionSpec,
    ForEachSpec,
    GitSpec,
    NotebookSpec,
    Parameters,
    PythonFileSpec,
    PythonWheelSpec,
    RetrySpec,
    RunIf,
    RunJobSpec,
    RunSpec,
    RunType,
    TaskSpec,
)
from databricks_local.runs import records, states
from databricks_local.runs.models import Round, Run, TaskRun

CLUSTER = ClusterSpec("15.4.x-scala2.12", {"a": "b"}, {"C": "d"})
NESTED = TaskSpec("each", NotebookSpec("/x"), CLUSTER, cluster_key="gone")
BODIES: list[Body] = [
    NotebookSpec("/x", {"a": "b"}),
    NotebookSpec("/x"),
    NotebookSpec("x", git=True),
    PythonFileSpec("dbfs:/x.py"),
    PythonFileSpec("x.py", ("--a", "1"), git=True),
    PythonWheelSpec("package", "main"),
    PythonWheelSpec("package", "main", ("1",), {"a": "b"}),
    ConditionSpec("EQUAL_TO", "1", "{{x}}"),
    RunJobSpec(7),
    RunJobSpec(7, {"a": "b"}),
    RunJobSpec(7, {}, {"notebook_params": {"c": "d"}, "python_params": ["1"]}),
    ForEachSpec("[1, 2]", NESTED, 3),
]
RAW: dict[str, Any] = {"task_key": "a", "unknown": [1.5, None, {"big": 10**30, "text": "\u00e9\U0001f600"}]}


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def run_of(*tasks: TaskSpec, **fields: Any) -> Run:
    spec = RunSpec("name", tasks, **fields)
    return Run(1, 2, spec, "me", [], 3, states.SUCCESS, 4, spec.parameters, [Round(0, 3, 4, states.SUCCESS)])


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_a_task_is_read_back_as_it_was_resolved(body: Body) -> None:
    spec = TaskSpec(
        "a",
        body,
        CLUSTER,
        ("b", "c"),
        RunIf.ALL_DONE,
        60,
        RAW,
        # Neither key is anywhere else in the record: the job may have lost them since.
        "a key of the past",
        {"b": "true"},
        RetrySpec(-1, 500, on_timeout=True),
        disabled=True,
        libraries=(Library("pypi", "six", "https://index"),),
    )
    task = TaskRun(7, spec, states.WORKLOAD_FAILURE, 1, 5, values={"v": "1"}, kept=[1, 2])
    run = run_of(spec)
    again = records.read_task(through_json(records.task_record(run, task)), run)
    assert again.spec == spec
    task.stored = True
    assert again == task


def test_a_run_is_read_back_as_it_was_resolved() -> None:
    run = run_of(
        TaskSpec("a", NotebookSpec("/x"), CLUSTER, cluster_key="gone"),
        run_type=RunType.JOB_RUN,
        job_clusters=({"job_cluster_key": "other", "new_cluster": {}},),
        environments=({"environment_key": "e"},),
        parameters=Parameters({"a": "b"}, {"a": "c"}, {"n": "1"}, {"notebook_params": {"n": "1"}}),
        git=GitSpec("https://x", "branch", "main", {"git_url": "https://x"}),
        ancestors=(1, 2),
    )
    run.rounds[0].alerts = {"email_notifications": {"on_failure": ["before@example.org"]}}
    assert records.read_run(through_json(records.run_record(run))) == run


def test_what_today_would_be_refused_is_read_back() -> None:
    """Its path is relative, its for-each is nested, and its cluster is nowhere."""
    spec = TaskSpec("not a key!", ForEachSpec("[", TaskSpec("x", ForEachSpec("", NESTED)), -1), raw={})
    run = run_of(spec)
    assert records.read_run(through_json(records.run_record(run))).spec.tasks == (spec,)


OLD_TASK = {"task_key": "a", "notebook_task": {"notebook_path": "/x"}, "job_cluster_key": "shared"}


def old_run_record(**changes: Any) -> dict[str, Any]:
    """A record as versions before this one wrote it."""
    record = records.run_record(run_of(run_type=RunType.JOB_RUN))
    del record["resolved_spec"]
    spec = {
        "name": "old",
        "timeout_seconds": 0,
        "idempotency_token": "",
        "legacy": False,
        "run_type": "JOB_RUN",
        "trigger": "ONE_TIME",
        "ancestors": [],
        "job_clusters": [{"job_cluster_key": "shared", "new_cluster": {}}],
        "parameters": {"job": {}, "defaults": {}, "notebook": {}, "overriding": {}},
        "tasks": [OLD_TASK],
    }
    return through_json({**record, "spec": {**spec, **changes}})


def test_runs_of_earlier_versions_are_read() -> None:
    record = old_run_record()
    for item in record["rounds"]:
        del item["alerts"]
    run = records.read_run(record)
    assert [task.cluster_key for task in run.spec.tasks] == ["shared"]
    record = records.task_record(run, TaskRun(7, run.spec.tasks[0], states.SUCCESS))
    record["raw"] = record.pop("resolved_spec")["raw"]
    assert records.read_task(through_json(record), run).spec == run.spec.tasks[0]


def test_what_an_earlier_version_accepted_is_shown_as_it_ended() -> None:
    run = records.read_run(old_run_record(job_clusters=[]))
    assert [task.raw for task in run.spec.tasks] == [OLD_TASK]
    record = records.task_record(run, TaskRun(7, run.spec.tasks[0], states.SUCCESS))
    record["raw"] = record.pop("resolved_spec")["raw"]
    task = records.read_task(through_json(record), run)
    assert (task.spec.raw, task.state) == (OLD_TASK, states.SUCCESS)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"run_id": 1},
        old_run_record(tasks=[{}]),
        old_run_record(run_type="NEW"),
        {**records.run_record(run_of()), "resolved_spec": {"name": 7}},
        {**records.run_record(run_of()), "state": {}},
        {**records.run_record(run_of()), "rounds": [{"x": 1}]},
    ],
)
def test_an_unreadable_run_is_shown_as_such(record: dict[str, Any]) -> None:
    with pytest.raises(records.UnreadableRecordError) as error:
        records.read_run(record)
    run = records.unreadable_run(1, record, str(error.value))
    assert (run.run_id, run.active) == (1, False)
    assert run.state.message.startswith("Its record cannot be read: ")


@pytest.mark.parametrize("damage", [{"resolved_spec": {}}, {"state": None}, {"resolved_spec": {"key": "k"}}])
def test_an_unreadable_task_is_shown_as_such(damage: dict[str, Any]) -> None:
    spec = TaskSpec("a", NotebookSpec("/x"))
    run = run_of(spec)
    record = {**records.task_record(run, TaskRun(7, spec, states.SUCCESS, 2, start_time=5)), **damage}
    with pytest.raises(records.UnreadableRecordError) as error:
        records.read_task(record, run)
    task = records.unreadable_task(7, record, str(error.value))
    assert (task.run_id, task.attempt_number, task.start_time) == (7, 2, 5)
    assert task.state.terminal
