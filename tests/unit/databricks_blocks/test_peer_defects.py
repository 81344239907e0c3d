"""What other orchestrators get wrong with Databricks, one test for each, named after who was measured.

Airflow provider 7.23, Dagster 0.29, Aqueduct, Astro SDK 1.8, prefect-databricks 0.4.2. What only a Prefect
server shows is in `tests/e2e/test_peer_defects.py`.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
import requests
from databricks.sdk.service.jobs import RunLifeCycleState, RunResultState
from databricks_blocks.errors import DatabricksRunFailed, DatabricksRunSkipped, InvalidJob
from databricks_blocks.job.request_bodies import submit_body
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import DatabricksTask, notebook_task
from databricks_blocks.job.validation import check
from databricks_blocks.run.failure import run_error
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.polling import PollingPolicy

from tests.unit.databricks_blocks.run.fake_workspace import EPOCH, FakeWorkspace
from tests.unit.databricks_blocks.run.life_lab import (
    CLUSTER,
    ENDED_BADLY,
    Notes,
    attempts,
    chain,
    live,
    policy,
    results,
)

FINE = {"join": "SUCCESS", "plot": "SUCCESS"}
MEASURED_MESSAGE = "Workload failed, see run output for details"


@pytest.fixture
def workspace() -> FakeWorkspace:
    return FakeWorkspace()


def showing(workspace: FakeWorkspace, state: dict[str, Any], until: float) -> None:
    """Let every run show a state until a time."""

    def answer() -> tuple[int, dict[str, str], str]:
        for run in workspace.runs.values():
            run.state = state if workspace.time.passed < until else None
        return workspace._answer("runs/get", workspace.calls[-1].body)

    workspace.fail("runs/get", answer, count=-1)


def ended(result: str | None, life_cycle: str = "TERMINATED") -> RunSnapshot:
    state = {"life_cycle_state": life_cycle, "result_state": result}
    return RunSnapshot.from_json({"run_id": 1, "state": state, "run_page_url": "https://dbc.example/1"})


# Airflow.


@pytest.mark.parametrize("launch", ["submit", "run_now"])
def test_airflow_a1_a_repair_that_succeeds_is_a_success(workspace: FakeWorkspace, launch: str) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    assert results(live(workspace, chain(launch))) == FINE


def test_airflow_a1_there_is_more_than_one_repair(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY, ENDED_BADLY]}
    assert attempts(live(workspace), "plot") == ["FAILED", "FAILED", "SUCCESS"]


@pytest.mark.parametrize("state", sorted(state.value for state in RunLifeCycleState))
def test_airflow_a2_whatever_state_a_launch_has_it_is_waited_for(
    workspace: FakeWorkspace, state: str
) -> None:
    """QUEUED failed the launch there; a state that ends a run is in the next tests."""
    if state not in ("TERMINATED", "SKIPPED", "INTERNAL_ERROR"):
        showing(workspace, {"life_cycle_state": state}, until=100)
        assert results(live(workspace)) == FINE
        assert workspace.time.passed >= 100
    else:
        assert ended(None, state).state.is_terminal


def test_airflow_a2_a_run_that_ends_at_once_is_a_success(workspace: FakeWorkspace) -> None:
    workspace.default_seconds = 0.0
    assert results(live(workspace)) == FINE
    assert workspace.time.passed == 0


def test_airflow_a3_and_a4_a_value_is_sent_as_it_is_and_the_own_one_of_a_task_wins() -> None:
    job = JobSpecification(
        name="nightly",
        tasks=[
            notebook_task("own", "/Shared/a", parameters={"day": "2026-01-02"}),
            notebook_task("all", "/Shared/a"),
        ],
        notebook_params={"day": "2026-01-01", "country": "CH"},
    )
    own, of_all = (task["notebook_task"]["base_parameters"] for task in submit_body(job, token="t")["tasks"])
    assert own == {"day": "2026-01-02", "country": "CH"}
    assert of_all == {"day": "2026-01-01", "country": "CH"}


def test_airflow_a5_a_package_in_two_versions_is_refused_and_not_sent() -> None:
    packages = [{"pypi": {"package": name}} for name in ("pandas", "pandas==2.2")]
    with pytest.raises(InvalidJob, match="pandas"):
        check(chain(notebook_packages=packages))


def test_airflow_a6_a_retry_recovers_the_failed_run_and_starts_no_second_one(
    workspace: FakeWorkspace,
) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    job = chain("run_now")
    with pytest.raises(DatabricksRunFailed):
        live(workspace, job, wishes=policy(max_repairs=0))
    assert results(live(workspace, job, wishes=policy(max_repairs=0), started=2)) == FINE
    assert len(workspace.runs) == 1


def test_airflow_a7_concurrent_runs_share_a_job_that_neither_resets(workspace: FakeWorkspace) -> None:
    live(workspace, chain("run_now", job_parameters={"day": "1"}), call="first")
    live(workspace, chain("run_now", job_parameters={"day": "2"}), call="second")
    assert len(workspace.jobs) == 1
    assert workspace.called("reset") == []
    assert [call.body["job_parameters"] for call in workspace.called("run-now")] == [
        {"day": "1"},
        {"day": "2"},
    ]


def test_airflow_a8_the_error_of_the_notebook_is_told(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": ["ValueError: no such column"]}
    with pytest.raises(DatabricksRunFailed) as failed:
        live(workspace, wishes=policy(max_repairs=0))
    assert str(failed.value).startswith("Task `plot` failed: ValueError: no such column (attempt 1, https://")


# Dagster.


@pytest.mark.parametrize("result", sorted(result.value for result in RunResultState))
def test_dagster_d2_every_result_state_has_a_meaning(result: str) -> None:
    run = ended(result)
    assert RunPolicy().succeeded(run) == (result == "SUCCESS")
    assert RunPolicy(accept_failures=True).succeeded(run) == (result in ("SUCCESS", "SUCCESS_WITH_FAILURES"))
    if result != "SUCCESS":
        assert result in str(run_error(run, {}))


def test_dagster_d3_and_astro_sdk_a_skipped_run_is_neither_success_nor_key_error(
    workspace: FakeWorkspace,
) -> None:
    showing(workspace, {"life_cycle_state": "SKIPPED"}, until=100)
    with pytest.raises(DatabricksRunSkipped):
        live(workspace)


@pytest.mark.parametrize("result", ["CANCELED", "TIMEDOUT"])
def test_astro_sdk_a_run_that_was_cancelled_or_timed_out_is_no_success(
    workspace: FakeWorkspace, result: str
) -> None:
    showing(workspace, {"life_cycle_state": "TERMINATED", "result_state": result}, until=100)
    with pytest.raises(Exception, match=result):
        live(workspace)


@pytest.mark.parametrize(
    "compute",
    [
        {"job_cluster_key": "shared"},
        {"environment_key": "default"},
        {"existing_cluster_id": "0101-000000-abc"},
        {"new_cluster": CLUSTER},
        {},
    ],
)
def test_dagster_d4_a_task_runs_on_any_compute(workspace: FakeWorkspace, compute: dict[str, Any]) -> None:
    job = JobSpecification(
        name="nightly",
        tasks=[notebook_task("only", "/Shared/a", **compute)],
        job_clusters={"shared": CLUSTER},
        environments={"default": {"environment_version": "2"}},
    )
    check(job)
    assert results(live(workspace, job)) == {"only": "SUCCESS"}


def test_dagster_d5_the_end_of_a_job_of_one_second_is_noticed_within_another(
    workspace: FakeWorkspace,
) -> None:
    workspace.seconds = {"only": 1.0}
    live(workspace, chain(edges={"only": ()}))
    assert workspace.time.passed <= 2.0


def test_dagster_d6_a_run_that_is_terminating_has_not_ended(workspace: FakeWorkspace) -> None:
    showing(workspace, {"life_cycle_state": "TERMINATING", "result_state": "SUCCESS"}, until=100)
    live(workspace)
    assert workspace.time.passed >= 100


def test_dagster_d6_looks_are_rarer_the_longer_a_run_takes(workspace: FakeWorkspace) -> None:
    workspace.seconds = {"only": 3600.0}
    live(workspace, chain(edges={"only": ()}))
    looks = [call.at for call in workspace.called("runs/get")]
    pauses = [later - sooner for sooner, later in pairwise(looks)]
    assert pauses == pytest.approx(sorted(pauses))
    assert pauses[-1] >= 100 * pauses[0]


# Aqueduct.


def test_aqueduct_a_job_is_created_once_and_used_by_all_its_runs(workspace: FakeWorkspace) -> None:
    runs = {live(workspace, chain("run_now"), call=f"call {number}").run_id for number in range(3)}
    assert len(runs) == 3
    assert len(workspace.jobs) == 1


def test_aqueduct_a_restart_loses_no_run(workspace: FakeWorkspace) -> None:
    workspace.default_seconds = 3600
    workspace.fail("runs/get", 500, count=-1)
    with pytest.raises(Exception, match="runs/get"):
        live(workspace, wishes=policy(PollingPolicy(max_unreachable=0)))
    workspace.faults.clear()
    assert results(live(workspace, started=2)) == FINE
    assert len(workspace.runs) == 1


# prefect-databricks.


def test_prefect_databricks_d1_and_d2_tasks_are_taken_as_the_api_writes_them() -> None:
    written = {
        "task_key": "plot",
        "depends_on": [{"task_key": "join"}],
        "notebook_task": {"notebook_path": "/Shared/plot"},
        "new_cluster": CLUSTER,
        "run_if": "ALL_DONE",
        "max_retries": 2,
        "description": "draws",
    }
    assert DatabricksTask(**DatabricksTask.fields_of(written)).as_json() == written


def test_prefect_databricks_d4_one_read_timeout_while_polling_ends_nothing(workspace: FakeWorkspace) -> None:
    workspace.fail("runs/get", *[requests.ReadTimeout("Read timed out.")] * 5)
    assert results(live(workspace)) == FINE


def test_prefect_databricks_d6_no_null_is_sent(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY, "SUCCESS", ENDED_BADLY]}
    for launch in ("submit", "run_now"):
        live(workspace, chain(launch), call=launch, wishes=policy(max_repairs=1))
    assert len(workspace.called("runs/repair")) == 2
    assert "null" not in json.dumps([call.body for call in workspace.calls])


@pytest.mark.parametrize(
    "field",
    [
        "budget_policy_id",
        "email_notifications",
        "health",
        "queue",
        "run_as",
        "git_source",
        "webhook_notifications",
        "a_field_of_next_year",
    ],
)
def test_prefect_databricks_d7_every_field_of_the_api_can_be_sent(
    workspace: FakeWorkspace, field: str
) -> None:
    live(workspace, chain(extra_job_params={field: {"some": "thing"}}))
    assert workspace.called("runs/submit")[0].body[field] == {"some": "thing"}


def test_prefect_databricks_d12_the_api_is_the_one_with_all_tasks(workspace: FakeWorkspace) -> None:
    edges = {f"t{number}": () for number in range(250)}
    run = live(workspace, chain("run_now", edges))
    assert len(run.tasks) == 250
    assert {call.body.get("page_token") for call in workspace.called("runs/get")} == {None, "100", "200"}


def test_prefect_databricks_d13_a_failure_has_task_error_trace_and_link(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"join": ["RuntimeError: out of cheese"]}
    with pytest.raises(DatabricksRunFailed) as failed:
        live(workspace, wishes=policy(max_repairs=0))
    first, *trace = str(failed.value).splitlines()
    assert "`join`" in first
    assert "RuntimeError: out of cheese" in first
    assert "https://dbc.example/jobs/" in first
    assert MEASURED_MESSAGE not in first
    assert "Traceback" in trace


# What users complain about.


def test_complaint_3_a_killed_process_and_its_successor_make_one_run(workspace: FakeWorkspace) -> None:
    """Killed after the request and before its answer: nothing of the first process is left."""
    workspace.fail("runs/submit", 400, after=True)
    with pytest.raises(Exception, match="runs/submit"):
        live(workspace)
    live(workspace, started=2)
    assert len(workspace.runs) == 1


def test_complaint_4_job_parameters_survive_the_repair(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    live(workspace, chain("run_now", job_parameters={"day": "1"}))
    assert workspace.called("runs/repair")[0].body["job_parameters"] == {"day": "1"}


def test_complaint_5_the_token_of_a_failed_run_gives_neither_its_failure_nor_a_false_success(
    workspace: FakeWorkspace,
) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY, ENDED_BADLY]}
    for started in (1, 2):
        with pytest.raises(DatabricksRunFailed):
            live(workspace, wishes=policy(max_repairs=0), started=started)
    assert results(live(workspace, wishes=policy(max_repairs=0), started=3)) == FINE


def test_complaint_6_no_failure_is_shown_while_a_repair_runs(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    workspace.repair_shown_after = 100.0
    notes = Notes()
    live(workspace, chain("run_now"), notes=notes)
    assert len(notes.decisions) == 1


def test_complaint_7_a_task_that_recovered_is_not_shown_as_failed(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"join": [ENDED_BADLY, ENDED_BADLY]}
    run = live(workspace, chain("run_now"))
    assert results(run) == FINE
    assert run.failed == ()


def test_complaint_10_output_is_asked_for_of_a_task_and_never_of_the_run(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"join": [ENDED_BADLY], "plot": [ENDED_BADLY]}
    run = live(workspace)
    asked = {int(call.body["run_id"]) for call in workspace.called("runs/get-output")}
    assert asked == {attempt.run_id for attempt in run.attempts if str(attempt.state) == "FAILED"}


def test_complaint_11_a_failure_at_once_is_no_success(workspace: FakeWorkspace) -> None:
    workspace.default_seconds = 0.0
    workspace.outcomes = {"join": ["NameError: x"]}
    with pytest.raises(DatabricksRunFailed, match="NameError"):
        live(workspace)


@pytest.mark.parametrize(
    "answer",
    [
        500,
        502,
        (503, "<html>busy</html>"),
        (429, "", {"Retry-After": "30"}),
        requests.ConnectionError("reset"),
    ],
)
def test_complaint_13_a_passing_error_while_polling_does_not_end_the_flow(
    workspace: FakeWorkspace, answer: object
) -> None:
    workspace.default_seconds = 600
    workspace.fail("runs/get", *[answer] * 5)
    assert results(live(workspace)) == FINE


def test_complaint_14_the_number_of_tasks_does_not_multiply_the_calls(workspace: FakeWorkspace) -> None:
    """Airflow's group asks once for each task: 720 times an hour."""
    workspace.default_seconds = 3600
    live(workspace, chain("run_now", {f"t{number}": () for number in range(90)}))
    assert len(workspace.calls) <= 250


def test_complaint_16_jobs_of_one_name_that_were_created_at_once_become_one(
    workspace: FakeWorkspace,
) -> None:
    def by_two() -> tuple[int, dict[str, str], str]:
        body = workspace.calls[-1].body
        workspace._answer("create", body)
        return workspace._answer("create", body)

    workspace.fail("create", by_two)
    live(workspace, chain("run_now"))
    assert len(workspace.jobs) == 1


def test_complaint_17_a_task_key_that_is_too_long_is_refused_before_any_call() -> None:
    with pytest.raises(InvalidJob, match="100"):
        check(chain(edges={"k" * 101: ()}))


def test_complaint_20_a_submit_sends_no_shared_cluster(workspace: FakeWorkspace) -> None:
    assert results(live(workspace, chain("submit"))) == FINE
    (call,) = workspace.called("runs/submit")
    assert "job_clusters" not in call.body
    assert [task["new_cluster"] for task in call.body["tasks"]] == [CLUSTER, CLUSTER]


def test_complaint_21_a_run_of_three_days_has_no_hidden_time_out(workspace: FakeWorkspace) -> None:
    workspace.seconds = {"only": 3 * 86_400.0}
    assert results(live(workspace, chain(edges={"only": ()}))) == {"only": "SUCCESS"}


def test_complaint_22_only_what_failed_and_what_follows_runs_again(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    run = live(workspace, chain("run_now", {"join": (), "plot": ("join",), "mail": ("join",)}))
    assert {key: len(attempts(run, key)) for key in results(run)} == {"join": 1, "plot": 2, "mail": 1}


def test_complaint_2_a_retry_after_inputs_changed_reads_the_new_ones(workspace: FakeWorkspace) -> None:
    live(workspace)
    workspace.time.sleep(60)
    again = live(workspace, started=2, inputs_since=int((EPOCH + workspace.time.now) * 1000))
    assert len(workspace.runs) == 2
    assert results(again) == FINE
