"""What a person answers decides what happens to a failed run."""

from __future__ import annotations

import pytest
from databricks_blocks.run.repair_policy import GiveUp, Repair, RepairPolicy
from databricks_blocks.run.snapshot import RunSnapshot, TaskAttempt
from databricks_blocks.run.states import RunState
from databricks_flows.job.ask import RepairForm, _question, answered

TASKS = [{"run_id": 8, "task_key": "load"}, {"run_id": 9, "task_key": "train"}]
RUN = RunSnapshot.from_json({"run_id": 7, "tasks": TASKS})


@pytest.mark.parametrize(
    ("form", "decision"),
    [
        (RepairForm(), Repair(reason="a person asked for it")),
        (
            RepairForm(job_parameters={"day": "2026-11-27"}),
            Repair(job_parameters={"day": "2026-11-27"}, reason="a person asked for it"),
        ),
        (
            RepairForm(action="repair these tasks", tasks=["train"]),
            Repair(task_keys=("train",), reason="a person asked for it"),
        ),
        (RepairForm(action="give up"), GiveUp("a person gave it up")),
        (
            RepairForm(action="repair these tasks", tasks=["train", "plot"]),
            GiveUp("the answer names tasks that the run does not have: plot"),
        ),
    ],
)
def test_the_answer_decides(form: RepairForm, decision: Repair | GiveUp) -> None:
    assert answered(form, RUN, RepairPolicy()) == decision


def test_the_policy_says_whether_dependent_tasks_run_again() -> None:
    decision = answered(RepairForm(), RUN, RepairPolicy(rerun_dependents=False))
    assert isinstance(decision, Repair)
    assert not decision.rerun_dependents


def test_the_question_shows_errors_and_names_as_they_are() -> None:
    state = RunState("TERMINATED", "FAILED")
    task = TaskAttempt("load", 2, 0, state, run_page_url="http://d/2")
    failed = RunSnapshot(1, state, "http://d/1", "nightly](http://x)", attempts=(task,))
    question = _question(failed, {"load": "![](http://x)\n\n# out"}, GiveUp("none is <b>left</b>"))
    assert "[nightly\\](http\\://x)](http://d/1)" in question
    assert "- `load`, [attempt 1](http://d/2): !\\[\\](http\\://x) # out" in question
    assert question.endswith("none is \\<b\\>left\\</b\\>.")
