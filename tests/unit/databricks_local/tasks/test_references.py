from dataclasses import replace
from typing import Any

import pytest
from databricks_local.tasks.references import Context, TaskFacts, UnresolvedReferenceError, resolve

FIRST = TaskFacts(
    "first",
    21,
    execution_count=3,
    notebook_path="/Shared/first",
    result_state="UPSTREAM_FAILED",
    termination_code="RUN_EXECUTION_ERROR",
    values={"v": '"text"', "n": "1.5", "flag": "true", "odd key": '{"a": "é"}'},
)
GOOD = TaskFacts("good-one", 22, result_state="SUCCESS", termination_code="SUCCESS")
TASKS = {"first": FIRST, "good-one": GOOD}
# 2026-11-21 is a Saturday.
START = 1_795_255_445_067


def context(*inputs: Any) -> Context:
    return Context(
        job_id=1,
        job_name="my job",
        run_id=2,
        repair_count=4,
        start_time=START,
        trigger="ONE_TIME",
        parameters={"p": "value", "odd.name": "odd"},
        task=TaskFacts("here", 20, execution_count=2, notebook_path="/Shared/here"),
        find_task=TASKS.get,
        workspace_id=7,
        workspace_url="http://127.0.0.1:1",
        inputs=inputs,
    )


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("no reference", "no reference"),
        ("{{job.id}}/{{job.name}}/{{job.run_id}}/{{job.repair_count}}", "1/my job/2/4"),
        ("{{ job.id }}", "1"),
        ("{{job.parameters.p}} {{job.parameters.`odd.name`}}", "value odd"),
        ("{{job.trigger.type}}|{{job.trigger.file_arrival.location}}|", "onetime||"),
        ("{{job.start_time.iso_date}} {{job.trigger.time.year}}", "2026-11-21 2026"),
        ("{{job.start_time.iso_datetime}}", "2026-11-21T10:04:05.067Z"),
        ("{{job.start_time.iso_weekday}} {{job.start_time.is_weekday}}", "6 false"),
        ("{{job.start_time.month}}-{{job.start_time.day}}", "11-21"),
        ("{{job.start_time.hour}}:{{job.start_time.minute}}:{{job.start_time.second}}", "10:4:5"),
        ("{{job.start_time.timestamp_ms}}", str(START)),
        ("{{task.name}} {{task.run_id}} {{task.execution_count}}", "here 20 2"),
        ("{{task.notebook_path}}", "/Shared/here"),
        ("{{tasks.first.run_id}} {{tasks.first.execution_count}}", "21 3"),
        ("{{tasks.first.result_state}} {{tasks.first.error_code}}", "upstream_failed RunExecutionError"),
        ("{{tasks.first.notebook_path}}", "/Shared/first"),
        ("{{tasks.`good-one`.result_state}}|{{tasks.`good-one`.error_code}}|", "success||"),
        ("{{tasks.first.values.v}} {{tasks.first.values.n}}", "text 1.5"),
        ("{{tasks.first.values.flag}}", "true"),
        ("{{tasks.first.values.`odd key`}}", '{"a": "é"}'),
        ("{{workspace.id}} {{workspace.url}}", "7 http://127.0.0.1:1"),
        ("{{job_id}} {{run_id}} {{parent_run_id}} {{job_name}}", "1 20 2 my job"),
        ("{{task_key}} {{task_retry_count}}", "here 1"),
        ("{{start_date}} {{start_time}}", f"2026-11-21 {START}"),
        # What is no reference, or in no known namespace, stays as it is (docs).
        (
            "{{unknown}} {{other.key}} {{job.id} {{}}",
            "{{unknown}} {{other.key}} {{job.id} {{}}",
        ),
        ("{{job.id + 1}} {{tasks.good-one.run_id}}", "{{job.id + 1}} {{tasks.good-one.run_id}}"),
        ("{{input}} {{input.a}}", "{{input}} {{input.a}}"),
        ("{{secrets/scope/key}}", "{{secrets/scope/key}}"),
    ],
)
def test_what_references_become(text: str, resolved: str) -> None:
    assert resolve(text, context()) == resolved


@pytest.mark.parametrize(
    ("trigger", "references", "text", "resolved"),
    [
        (
            "PERIODIC",
            {},
            "{{job.trigger.type}} {{job.trigger.time.iso_datetime}}",
            "periodic 2026-11-21T10:00:00.000Z",
        ),
        ("PERIODIC", {}, "{{job.start_time.minute}} {{job.trigger.time.minute}}", "4 0"),
        ("FILE_ARRIVAL", {"file_arrival.location": "/v"}, "{{job.trigger.file_arrival.location}}", "/v"),
        (
            "TABLE",
            {"table_update.updated_tables": '["t"]'},
            "{{job.trigger.table_update.updated_tables}}",
            '["t"]',
        ),
    ],
)
def test_what_started_a_run(trigger: str, references: dict[str, str], text: str, resolved: str) -> None:
    due = START - START % 3_600_000
    fired = replace(context(), trigger=trigger, trigger_time=due, trigger_references=references)
    assert resolve(text, fired) == resolved


@pytest.mark.parametrize(
    ("text", "value", "resolved"),
    [
        ("{{input}}", "text", "text"),
        ("{{input}}", 1.5, "1.5"),
        ("{{input}}", {"a": "é"}, '{"a": "é"}'),
        ("{{input.a}}-{{input.b.c}}", {"a": 1, "b": {"c": [True]}}, "1-[true]"),
        ("{{input.`odd key`}}", {"odd key": "x"}, "x"),
    ],
)
def test_the_input_of_an_iteration(text: str, value: Any, resolved: str) -> None:
    assert resolve(text, context(value)) == resolved


@pytest.mark.parametrize(
    "path",
    [
        "job.naem", "job.start_time", "job.start_time.week", "job.parameters", "job.parameters.q",
        "job.trigger", "job.id.more", "task.key", "tasks.first", "tasks.nobody.run_id", "tasks.first.values",
        "tasks.first.values.q", "workspace.name", "input.b", "input.a.b",
    ],
)  # fmt: skip
def test_a_known_namespace_with_a_bad_key_is_an_error(path: str) -> None:
    with pytest.raises(UnresolvedReferenceError) as error:
        resolve(f"{{{{{path}}}}}", context({"a": 1}))
    assert str(error.value) == f"Invalid dynamic value reference: {{{{{path}}}}}."
