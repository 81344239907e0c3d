"""A run that failed is repaired once for each failure, by a repair or by a run in its place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import requests
from databricks_blocks.errors import DatabricksRunFailed, DatabricksUnreachable
from databricks_blocks.job.api_fields import CHANGED_TAG, HASH_TAG
from databricks_blocks.run.repair_policy import GiveUp, NewSettings, Repair
from databricks_blocks.run.snapshot import RunSnapshot
from databricks_blocks.workspace.polling import PollingPolicy

from .fake_workspace import FakeWorkspace
from .life_lab import ENDED_BADLY, Notes, attempts, chain, life_of, live, policy, results, told

ON_DEMAND = {"aws_attributes": {"availability": "ON_DEMAND"}}
SPOT_LOST = "SPOT_INSTANCE_TERMINATION: the machine was taken away"
FAN = {"join": (), "plot": ("join",), "mail": ("join",), "report": ("plot", "mail")}


@pytest.fixture
def workspace() -> FakeWorkspace:
    return FakeWorkspace()


def repairs(workspace: FakeWorkspace) -> list[dict[str, Any]]:
    return [call.body for call in workspace.called("runs/repair")]


def test_one_repair_is_asked_for_all_that_failed(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY], "mail": [ENDED_BADLY]}
    notes = Notes()
    run = live(workspace, chain("run_now", FAN), notes=notes)
    assert set(results(run).values()) == {"SUCCESS"}
    (body,) = repairs(workspace)
    assert body == {"run_id": run.run_id, "rerun_all_failed_tasks": True, "rerun_dependent_tasks": True}
    assert attempts(run, "join") == ["SUCCESS"]
    assert attempts(run, "report") == ["UPSTREAM_FAILED", "SUCCESS"]
    assert len(notes.repairs) == 1


def test_from_the_second_repair_on_the_latest_one_is_named(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY] * 3}
    notes = Notes()
    live(workspace, chain("run_now"), wishes=policy(max_repairs=3), notes=notes)
    named = [body.get("latest_repair_id") for body in repairs(workspace)]
    assert named == [None, *notes.repairs[:2]]


def test_a_key_of_many_attempts_is_named_once(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"join": [ENDED_BADLY] * 3}

    async def ask(run: RunSnapshot, *_: Any) -> Repair:
        return Repair(task_keys=tuple(attempt.task_key for attempt in run.attempts))

    run = live(workspace, chain("run_now"), wishes=policy(max_repairs=2), ask=ask)
    assert repairs(workspace)[-1]["rerun_tasks"] == ["join", "plot"]
    assert attempts(run, "join") == ["FAILED", "FAILED", "FAILED", "SUCCESS"]


def test_job_parameters_are_sent_again_with_every_repair(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY] * 2}
    live(workspace, chain("run_now", job_parameters={"day": "2026-01-01"}))
    assert [body["job_parameters"] for body in repairs(workspace)] == [{"day": "2026-01-01"}] * 2


@pytest.mark.parametrize("seconds", [0.0, 1.0, 45.0, 400.0, 800.0])
def test_a_repair_that_is_not_seen_for_minutes_is_waited_for(
    workspace: FakeWorkspace, seconds: float
) -> None:
    workspace.repair_shown_after = seconds
    workspace.outcomes = {"plot": [ENDED_BADLY] * 2}
    run = live(workspace, chain("run_now"))
    assert attempts(run, "plot") == ["FAILED", "FAILED", "SUCCESS"]
    assert len(repairs(workspace)) == 2


def test_a_repair_that_is_never_seen_is_no_endless_wait_and_no_success(workspace: FakeWorkspace) -> None:
    workspace.repair_shown_after = 1e9
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    with pytest.raises(DatabricksUnreachable, match="repair"):
        live(workspace, chain("run_now"), wishes=policy(PollingPolicy(max_unreachable=900)))
    assert 900 < workspace.time.passed < 1200


@pytest.mark.parametrize("seconds", [0.0, 30.0, 100.0])
@pytest.mark.parametrize("repaired_before", [False, True])
def test_the_answer_to_a_repair_that_is_lost_makes_no_second_one(
    workspace: FakeWorkspace, seconds: float, repaired_before: bool
) -> None:
    workspace.repair_shown_after = seconds
    workspace.outcomes = {"plot": [ENDED_BADLY] * (2 if repaired_before else 1)}
    if repaired_before:
        workspace.fail("runs/repair", 503)
    workspace.fail("runs/repair", 500, after=True)
    run = live(workspace, chain("run_now"))
    (known,) = workspace.runs.values()
    assert len(known.repairs) == (2 if repaired_before else 1)
    assert results(run) == {"join": "SUCCESS", "plot": "SUCCESS"}


@pytest.mark.parametrize("seconds", [0.0, 30.0, 100.0])
@pytest.mark.parametrize("lost", [500, requests.ReadTimeout("slow")])
@pytest.mark.parametrize("launch", ["submit", "run_now"])
def test_the_answer_to_a_quick_repair_that_is_lost_makes_no_second_one(
    workspace: FakeWorkspace, seconds: float, lost: object, launch: str
) -> None:
    """The repair has ended before the next try, which is refused since it lacks the latest repair id."""
    workspace.repair_shown_after = seconds
    workspace.default_seconds = 0.0
    workspace.repairs_submitted = True
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    workspace.fail("runs/repair", lost, after=True)
    run = live(workspace, chain(launch))
    assert results(run) == {"join": "SUCCESS", "plot": "SUCCESS"}
    assert list(workspace.runs) == [run.run_id], "none was launched in place of the repair"
    assert len(workspace.runs[run.run_id].repairs) == 1


@pytest.mark.parametrize("seconds", [0.0, 30.0])
@pytest.mark.parametrize("shown_after", [0.0, 30.0])
def test_a_person_repairs_the_run_meanwhile(
    workspace: FakeWorkspace, seconds: float, shown_after: float
) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    workspace.default_seconds = seconds
    workspace.repair_shown_after = shown_after

    def by_a_person() -> tuple[int, dict[str, str], str]:
        (run,) = workspace.runs.values()
        workspace.begin_repair(run, ["plot"])
        return workspace._answer("runs/repair", workspace.calls[-1].body)

    workspace.fail("runs/repair", by_a_person)
    run = live(workspace, chain("run_now"))
    assert results(run) == {"join": "SUCCESS", "plot": "SUCCESS"}
    assert len(workspace.runs[run.run_id].repairs) == 1


@pytest.mark.parametrize("shown_after", [0.0, 30.0])
def test_a_stale_answer_after_a_repair_that_was_only_found_is_waited_for(
    workspace: FakeWorkspace, shown_after: float
) -> None:
    """An earlier process asked for the repair: the patience begins when the repair is found."""
    workspace.repair_shown_after = shown_after
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    answers: list[tuple[int, dict[str, str], str]] = []

    def repaired_before() -> tuple[int, dict[str, str], str]:
        (run,) = workspace.runs.values()
        stale = workspace._answer("runs/get", {"run_id": run.run_id, "include_history": "true"})
        workspace.begin_repair(run, ["plot"])
        workspace.fail("runs/get", lambda: read(stale), count=-1)
        return workspace._answer("runs/repair", workspace.calls[-1].body)

    def read(stale: tuple[int, dict[str, str], str]) -> tuple[int, dict[str, str], str]:
        """Give a stale answer twice after the repair was shown for the first time."""
        since_shown = sum('"REPAIR"' in answer[2] for answer in answers)
        answers.append(workspace._answer("runs/get", workspace.calls[-1].body))
        return stale if since_shown in (1, 2) else answers[-1]

    workspace.fail("runs/repair", repaired_before)
    notes = Notes()
    run = live(workspace, chain("run_now"), notes=notes)
    assert attempts(run, "plot") == ["FAILED", "SUCCESS"]
    assert len(notes.decisions) == 1
    assert len(workspace.runs[run.run_id].repairs) == 1


# Where a submitted run cannot be repaired.


def submitted(workspace: FakeWorkspace) -> list[list[str]]:
    return [[task["task_key"] for task in run.settings["tasks"]] for run in workspace.runs.values()]


def test_a_refused_repair_becomes_one_new_submit_of_what_failed_and_what_follows(
    workspace: FakeWorkspace,
) -> None:
    workspace.outcomes = {"mail": [ENDED_BADLY]}
    notes = Notes()
    run = live(workspace, chain(edges=FAN), notes=notes)
    assert submitted(workspace) == [["join", "plot", "mail", "report"], ["mail", "report"]]
    assert results(run) == dict.fromkeys(FAN, "SUCCESS")
    generations = {task.task_key: task.generation for task in run.tasks}
    assert generations == {"join": 0, "plot": 0, "mail": 1, "report": 1}
    tokens = [call.body["idempotency_token"] for call in workspace.called("runs/submit")]
    assert tokens == ["a flow run, generation 0", "a flow run, generation 1"]
    assert notes.runs == list(workspace.runs)
    assert len(repairs(workspace)) == 1


def test_the_answer_to_the_new_submit_that_is_lost_starts_no_third_run(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    workspace.fail("runs/submit", lambda: workspace._answer("runs/submit", workspace.calls[-1].body))
    workspace.fail("runs/submit", 500, after=True)
    live(workspace)
    assert len(workspace.runs) == 2


def test_a_retry_finds_the_run_that_was_launched_in_place_of_a_repair(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY] * 2}
    with pytest.raises(DatabricksRunFailed):
        live(workspace, wishes=policy(max_repairs=1))
    run = live(workspace, wishes=policy(max_repairs=1), started=2)
    assert submitted(workspace) == [["join", "plot"], ["plot"], ["plot"]]
    assert attempts(run, "plot") == ["FAILED", "FAILED", "SUCCESS"]


def test_a_workspace_that_repairs_submitted_runs_gets_no_second_run(workspace: FakeWorkspace) -> None:
    workspace.repairs_submitted = True
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    run = live(workspace)
    assert list(workspace.runs) == [run.run_id]


@pytest.mark.parametrize("launch", ["run_now", "existing_job"])
def test_a_repair_that_is_refused_for_good_tells_the_failure_first(
    workspace: FakeWorkspace, launch: str
) -> None:
    workspace.refuse_repair = "User ada does not have Manage Run permissions"
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    job = chain(launch)
    if launch == "existing_job":
        job_id = workspace._create({"name": "theirs", "tasks": [task.as_json() for task in job.tasks]})[
            "job_id"
        ]
        job = chain(launch, edges={}, existing_job_id=job_id)
    with pytest.raises(DatabricksRunFailed) as failed:
        live(workspace, job)
    assert str(failed.value).startswith("Task `plot` failed: OSError: the source is away (attempt 1, ")
    assert "Manage Run permissions" in str(failed.value.__cause__)


# What the policy says.


def test_what_would_fail_again_is_not_repaired(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": ["AnalysisException: no such column"]}
    notes = Notes()
    with pytest.raises(DatabricksRunFailed, match="AnalysisException"):
        live(workspace, notes=notes)
    assert repairs(workspace) == []
    (decision,) = notes.decisions
    assert isinstance(decision, GiveUp)


def test_repairs_wait_longer_each_time(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY] * 4}
    wishes = policy(max_repairs=3, wait_seconds=50, backoff_factor=3, jitter=0)
    with pytest.raises(DatabricksRunFailed):
        live(workspace, chain("run_now"), wishes=wishes)
    asked = [call.at for call in workspace.called("runs/repair")]
    (run,) = workspace.runs.values()
    ended = [attempt.end for attempt in run.attempts if attempt.key == "plot"]
    waits = [round(at - end) for at, end in zip(asked, ended, strict=False)]
    assert waits == [pytest.approx(seconds, abs=1) for seconds in (50, 150, 450)]


def test_new_settings_are_in_the_saved_job_during_the_repair_and_gone_after_it(
    workspace: FakeWorkspace,
) -> None:
    workspace.outcomes = {"plot": [SPOT_LOST]}
    settings_at_repair: list[Any] = []

    def note() -> tuple[int, dict[str, str], str]:
        (job,) = workspace.jobs.values()
        settings_at_repair.append(job["settings"])
        return workspace._answer("runs/repair", workspace.calls[-1].body)

    workspace.fail("runs/repair", note)
    wishes = policy(new_settings=(NewSettings(cluster=ON_DEMAND),))
    live(workspace, chain("run_now"), wishes=wishes)
    (during,) = settings_at_repair
    (after,) = [job["settings"] for job in workspace.jobs.values()]
    (created,) = workspace.called("create")
    assert during["job_clusters"][0]["new_cluster"]["aws_attributes"] == {"availability": "ON_DEMAND"}
    assert after == created.body
    assert after["tags"] == {HASH_TAG: after["tags"][HASH_TAG]}
    # Who has to undo it: the beginning of the token, which is the id of the flow run.
    assert during["tags"] == after["tags"] | {CHANGED_TAG: "a flow run, generation 0"}


@pytest.mark.parametrize("blip", [500, requests.ConnectionError("reset")])
def test_a_blip_does_not_keep_the_settings_of_the_job_changed(workspace: FakeWorkspace, blip: object) -> None:
    workspace.outcomes = {"plot": [SPOT_LOST]}
    workspace.fail("reset", blip, blip, lambda: workspace._answer("reset", workspace.calls[-1].body), blip)
    live(workspace, chain("run_now"), wishes=policy(new_settings=(NewSettings(cluster=ON_DEMAND),)))
    (job,) = workspace.jobs.values()
    assert job["settings"] == workspace.called("create")[0].body


def test_settings_that_cannot_be_restored_hide_no_failure(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [SPOT_LOST, "AnalysisException: x"]}
    workspace.fail("reset", lambda: workspace._answer("reset", workspace.calls[-1].body))
    workspace.fail("reset", 500, count=-1)
    with pytest.raises(DatabricksRunFailed, match="AnalysisException"):
        live(workspace, chain("run_now"), wishes=policy(new_settings=(NewSettings(cluster=ON_DEMAND),)))


@pytest.mark.parametrize("repairs_submitted", [True, False])
def test_new_settings_of_a_submitted_run_are_in_the_run_in_its_place(
    workspace: FakeWorkspace, repairs_submitted: bool
) -> None:
    """A repair would take the clusters as they were submitted."""
    workspace.repairs_submitted = repairs_submitted
    workspace.outcomes = {"plot": [SPOT_LOST]}
    live(workspace, wishes=policy(new_settings=(NewSettings(cluster=ON_DEMAND),)))
    first, second = workspace.runs.values()
    assert "aws_attributes" not in first.settings["tasks"][0]["new_cluster"]
    (task,) = second.settings["tasks"]
    assert task["new_cluster"]["aws_attributes"] == {"availability": "ON_DEMAND"}


def test_parameters_of_every_kind_of_task_are_sent_again_with_a_repair(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    live(workspace, chain("run_now", extra_job_params={"python_params": ["--day", "1"], "only": ["plot"]}))
    (body,) = repairs(workspace)
    assert body["python_params"] == ["--day", "1"]
    assert "only" not in body


def test_a_person_is_asked_when_the_run_would_be_given_up(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": ["AnalysisException: x", "AnalysisException: x"]}
    questions: list[str] = []

    async def ask(run: RunSnapshot, errors: Any, decision: GiveUp) -> Repair | GiveUp:
        questions.append(errors["plot"])
        if len(questions) == 1:
            return Repair(task_keys=("plot",), job_parameters={"day": "2026-01-02"})
        return GiveUp("a person gave it up")

    job = chain("run_now", job_parameters={"day": "2026-01-01", "hour": "1"})
    with pytest.raises(DatabricksRunFailed):
        live(workspace, job, wishes=policy(max_repairs=0), ask=ask)
    assert questions == ["AnalysisException: x"] * 2
    (body,) = repairs(workspace)
    assert body["job_parameters"] == {"day": "2026-01-02", "hour": "1"}


def test_parameters_that_a_person_gave_hold_for_the_repairs_after(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": ["AnalysisException: x", ENDED_BADLY]}

    async def ask(*_: Any) -> Repair:
        return Repair(job_parameters={"day": "2026-01-02"})

    live(workspace, chain("run_now", job_parameters={"day": "2026-01-01"}), ask=ask)
    assert [body["job_parameters"] for body in repairs(workspace)] == [{"day": "2026-01-02"}] * 2


def test_a_person_gives_the_notebooks_of_a_submitted_run_other_parameters(workspace: FakeWorkspace) -> None:
    workspace.repairs_submitted = False
    workspace.outcomes = {"plot": ["AnalysisException: x"]}

    async def ask(*_: Any) -> Repair:
        return Repair(job_parameters={"day": "2026-01-02"})

    job = chain(notebook_params={"day": "2026-01-01", "hour": "1"})
    live(workspace, job, wishes=policy(max_repairs=0), ask=ask)
    *_, second = workspace.runs.values()
    (task,) = second.settings["tasks"]
    assert task["notebook_task"]["base_parameters"] == {"day": "2026-01-02", "hour": "1"}


def test_what_is_observed_joins_the_runs_in_place_of_repairs(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    notes = told(lambda: None)()
    asyncio.run(life_of(workspace, notes=notes).to_the_end())
    assert {task.task_key for task in notes.seen[-1].tasks} == {"join", "plot"}
    assert notes.seen[0].tasks[0].generation == 0
