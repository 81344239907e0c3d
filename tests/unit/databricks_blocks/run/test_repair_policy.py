"""Whether, when and how a failed run is repaired: decided without a workspace."""

from __future__ import annotations

from typing import Any

import pytest
from databricks_blocks.run.policy import LifeOptions, RunPolicy
from databricks_blocks.run.repair_policy import GiveUp, NewSettings, Repair, RepairPolicy, decide, repair_body
from databricks_blocks.run.snapshot import RunSnapshot
from pydantic import ValidationError

FAILED = {"life_cycle_state": "TERMINATED", "result_state": "FAILED"}
MESSAGE = "Workload failed, see run output for details"


def task(key: str = "plot", number: int = 0, code: str = "", **state: Any) -> dict[str, Any]:
    return {
        "task_key": key,
        "run_id": 10 + number,
        "attempt_number": number,
        "state": {**FAILED, "state_message": MESSAGE, **state},
        "status": {"termination_details": {"code": code}} if code else None,
    }


def run(*tasks: dict[str, Any], repair_ids: tuple[int, ...] = (), **state: Any) -> RunSnapshot:
    history = [{"type": "ORIGINAL"}, *({"type": "REPAIR", "id": id_} for id_ in repair_ids)]
    return RunSnapshot.from_json(
        {"run_id": 9, "state": {**FAILED, **state}, "tasks": list(tasks), "repair_history": history}
    )


def decided(
    failed: RunSnapshot,
    error: str = "",
    allowed: int = 2,
    before: int = 0,
    asked_for: bool = False,
    **wishes: Any,
) -> Repair | GiveUp:
    return decide(
        failed,
        {"plot": error},
        RepairPolicy(**wishes),
        allowed=allowed,
        repairs_before=before,
        asked_for=asked_for,
    )


@pytest.mark.parametrize(
    "error",
    [
        "",
        "OSError: the source is away",
        "py4j.protocol.Py4JJavaError: An error occurred while calling o1.collect",
        "ValueError: Analysis of the Exception is not done",
        "RuntimeError: a NameErrorLike thing",
    ],
)
def test_what_may_go_well_the_next_time_is_repaired(error: str) -> None:
    assert decided(run(task()), error) == Repair(reason="failed: plot")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("pyspark.errors.exceptions.connect.AnalysisException: [TABLE_NOT_FOUND]", "AnalysisException"),
        ("ParseException: near SELEC", "ParseException"),
        ("  File x\nSyntaxError: invalid syntax", "SyntaxError"),
        ("IndentationError: unexpected indent", "IndentationError"),
        ("NameError: name 'spakr' is not defined", "NameError"),
        ("ModuleNotFoundError: No module named 'x'", "ModuleNotFoundError"),
    ],
)
def test_an_error_of_the_program_is_not_repaired(error: str, cause: str) -> None:
    assert decided(run(task()), error) == GiveUp(f"task plot would fail again: {cause}")


@pytest.mark.parametrize(
    ("code", "repaired"),
    [
        ("CLUSTER_ERROR", True),
        ("DRIVER_ERROR", True),
        ("CLOUD_FAILURE", True),
        ("RUN_EXECUTION_ERROR", True),
        ("INTERNAL_ERROR", True),
        ("LIBRARY_INSTALLATION_ERROR", True),
        ("STORAGE_ACCESS_ERROR", True),
        ("CLUSTER_REQUEST_LIMIT_EXCEEDED", True),
        ("A_CODE_OF_NEXT_YEAR", True),
        ("UNAUTHORIZED_ERROR", False),
        ("RESOURCE_NOT_FOUND", False),
        ("FEATURE_DISABLED", False),
        ("INVALID_CLUSTER_REQUEST", False),
        ("INVALID_RUN_CONFIGURATION", False),
        ("BREAKING_CHANGE", False),
        ("BUDGET_POLICY_LIMIT_EXCEEDED", False),
        ("CLUSTER_TERMINATED_BY_USER", False),
    ],
)
def test_the_termination_code_decides(code: str, repaired: bool) -> None:
    assert isinstance(decided(run(task(code=code))), Repair) == repaired


def test_a_code_in_the_text_of_an_error_is_not_a_termination_code() -> None:
    assert isinstance(decided(run(task()), "RESOURCE_NOT_FOUND: said our own program"), Repair)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"result_state": "CANCELED"}, "the run ended CANCELED"),
        (
            {"life_cycle_state": "SKIPPED", "result_state": "MAXIMUM_CONCURRENT_RUNS_REACHED"},
            "the run ended MAXIMUM_CONCURRENT_RUNS_REACHED",
        ),
    ],
)
def test_a_run_that_was_cancelled_or_never_began_is_not_repaired(state: dict[str, str], reason: str) -> None:
    assert decided(run(task(), **state)) == GiveUp(reason)


def test_a_cancelled_task_is_not_repaired() -> None:
    cancelled = task("mail", result_state="CANCELED")
    assert decided(run(task(), cancelled)) == GiveUp("task mail was cancelled")


@pytest.mark.parametrize(
    "state",
    [
        {"life_cycle_state": "SKIPPED", "result_state": None},
        {"life_cycle_state": "INTERNAL_ERROR", "result_state": None},
        {"result_state": "A_RESULT_OF_NEXT_YEAR"},
    ],
)
def test_a_run_without_a_failed_task_is_not_repaired(state: dict[str, Any]) -> None:
    left_out = task(life_cycle_state="SKIPPED", result_state="UPSTREAM_FAILED")
    ended = state["result_state"] or state["life_cycle_state"]
    assert decided(run(left_out, **state)) == GiveUp(f"the run ended {ended}, and no task failed")


@pytest.mark.parametrize("result", ["FAILED", "TIMEDOUT", "A_RESULT_OF_NEXT_YEAR", None])
def test_a_task_that_ended_in_any_other_way_is_repaired(result: str | None) -> None:
    ended = task(result_state=result, life_cycle_state="INTERNAL_ERROR" if result is None else "TERMINATED")
    assert isinstance(decided(run(ended)), Repair)


@pytest.mark.parametrize(("allowed", "before", "repaired"), [(0, 0, 0), (1, 0, 1), (2, 1, 1), (2, 2, 0)])
@pytest.mark.parametrize("asked_for", [True, False])
def test_the_repairs_are_counted(allowed: int, before: int, repaired: int, asked_for: bool) -> None:
    decision = decided(run(task()), allowed=allowed, before=before, asked_for=asked_for)
    assert isinstance(decision, Repair) == bool(repaired)
    if not repaired:
        used_up = f"{before} of {allowed} repairs are used up" if allowed else "none is allowed"
        assert decision == GiveUp(used_up)


@pytest.mark.parametrize(
    "failed",
    [
        run(task()),
        run(task(result_state="CANCELED"), result_state="CANCELED"),
        run(task(code="UNAUTHORIZED_ERROR")),
        run(life_cycle_state="INTERNAL_ERROR", result_state=None),
    ],
)
def test_a_retry_of_the_flow_asks_for_the_repair_of_whatever_it_finds(failed: RunSnapshot) -> None:
    decision = decided(failed, "NameError: x", asked_for=True, rerun_dependents=False)
    assert decision == Repair(rerun_dependents=False, reason="the flow is retried")


@pytest.mark.parametrize(
    ("max_repairs", "started", "found", "allowed"),
    [
        (0, 1, 0, 0),
        (2, 1, 0, 2),
        (2, 1, 3, 2),
        (0, 2, 1, 1),
        (2, 2, 3, 5),
        (1, 3, 4, 5),
        (2, 5, 0, 2),
        (2, 5, 1, 3),
    ],
)
def test_each_start_of_the_flow_has_its_repairs_and_none_of_those_that_earlier_ones_left(
    max_repairs: int, started: int, found: int, allowed: int
) -> None:
    policy = RunPolicy(repair=RepairPolicy(max_repairs=max_repairs))
    assert LifeOptions(policy, flow_run_count=started).allowed_repairs(found) == allowed


# Waits.


@pytest.mark.parametrize(
    ("before", "chance", "seconds"),
    [(0, 0.0, 5), (1, 0.0, 10), (2, 0.0, 20), (0, 1.0, 6), (2, 0.5, 22), (9, 1.0, 600)],
)
def test_the_wait_grows_and_is_spread(before: int, chance: float, seconds: float) -> None:
    assert RepairPolicy().wait(before, chance) == pytest.approx(seconds)


def test_there_may_be_no_wait() -> None:
    assert RepairPolicy(wait_seconds=0).wait(5, 1.0) == 0


# New settings.

ON_DEMAND = {"aws_attributes": {"availability": "ON_DEMAND"}}


@pytest.mark.parametrize(
    ("code", "error", "changed"),
    [
        ("CLOUD_FAILURE", "", True),
        ("CLUSTER_ERROR", "AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE", True),
        ("CLUSTER_ERROR", "SPOT_INSTANCE_TERMINATION(CLOUD_FAILURE)", True),
        ("CLUSTER_ERROR", "AZURE_QUOTA", False),
        ("", "OSError: the source is away", False),
    ],
)
def test_clusters_change_after_certain_errors(code: str, error: str, changed: bool) -> None:
    decision = decided(run(task(code=code)), error, new_settings=(NewSettings(cluster=ON_DEMAND),))
    assert isinstance(decision, Repair)
    assert decision.new_settings == (ON_DEMAND if changed else {})


def test_an_error_of_any_failed_task_counts() -> None:
    decision = decided(
        run(task("a"), task("plot")), "STOCKOUT", new_settings=(NewSettings(cluster=ON_DEMAND),)
    )
    assert isinstance(decision, Repair)
    assert decision.new_settings == ON_DEMAND


def test_changes_for_several_errors_are_merged() -> None:
    zone = NewSettings(on="STOCKOUT", cluster={"aws_attributes": {"zone_id": "auto"}, "num_workers": 2})
    decision = decided(run(task()), "STOCKOUT", new_settings=(NewSettings(cluster=ON_DEMAND), zone))
    assert isinstance(decision, Repair)
    assert decision.new_settings == {
        "aws_attributes": {"availability": "ON_DEMAND", "zone_id": "auto"},
        "num_workers": 2,
    }


# The form.


@pytest.mark.parametrize("pattern", ["(", "[a-", "*", "(?P<x"])
def test_what_is_no_regular_expression_is_refused_in_the_form(pattern: str) -> None:
    with pytest.raises(ValidationError, match="is no regular expression"):
        RepairPolicy(never_repair=(pattern,))
    with pytest.raises(ValidationError, match="is no regular expression"):
        NewSettings(on=pattern, cluster={})


@pytest.mark.parametrize(
    "wishes",
    [
        {"max_repairs": -1},
        {"wait_seconds": -1},
        {"backoff_factor": 0.5},
        {"jitter": 2},
        {"ask_timeout_seconds": 0},
    ],
)
def test_a_wish_that_means_nothing_is_refused_in_the_form(wishes: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        RepairPolicy(**wishes)


def test_own_patterns_take_the_place_of_ours() -> None:
    failed = run(task())
    assert isinstance(decided(failed, "NameError: x", never_repair=()), Repair)
    own = decided(failed, "OSError: disk full", never_repair=("disk full$",))
    assert own == GiveUp("task plot would fail again: disk full")


def test_every_wish_is_described_for_the_form() -> None:
    for model in (RunPolicy, RepairPolicy, NewSettings):
        assert all((field.description or "").endswith(".") for field in model.model_fields.values())


def test_a_policy_survives_the_json_of_a_deployment() -> None:
    policy = RunPolicy(repair=RepairPolicy(new_settings=(NewSettings(cluster=ON_DEMAND),), ask=True))
    assert RunPolicy.model_validate_json(policy.model_dump_json()) == policy


# The request.


def test_the_first_repair_names_no_repair_before_it() -> None:
    assert repair_body(run(task()), Repair()) == {
        "run_id": 9,
        "rerun_all_failed_tasks": True,
        "rerun_dependent_tasks": True,
    }


def test_the_latest_repair_is_named_from_the_second_on() -> None:
    assert repair_body(run(task(), repair_ids=(3, 7)), Repair())["latest_repair_id"] == 7


def test_tasks_are_named_once_and_instead_of_all_that_failed() -> None:
    body = repair_body(run(task()), Repair(task_keys=("plot", "join", "plot"), rerun_dependents=False))
    assert body == {"run_id": 9, "rerun_tasks": ["join", "plot"], "rerun_dependent_tasks": False}


def test_parameters_of_the_launch_are_sent_again_and_changed_by_the_repair() -> None:
    launched = {"job_parameters": {"day": "1", "hour": "2"}, "notebook_params": {"x": "y"}}
    assert repair_body(run(), Repair(), launched)["job_parameters"] == {"day": "1", "hour": "2"}
    body = repair_body(run(), Repair(job_parameters={"day": "3"}), launched)
    assert body["job_parameters"] == {"day": "3", "hour": "2"}
    assert body["notebook_params"] == {"x": "y"}
    assert launched["job_parameters"] == {"day": "1", "hour": "2"}


# What is older than its inputs.


@pytest.mark.parametrize(
    ("started", "began", "stale"),
    [(1, 5, False), (2, 5, True), (2, 10, False), (2, 15, False), (2, 0, False)],
)
def test_in_a_retry_tasks_that_began_before_their_inputs_were_written_are_stale(
    started: int, began: int, stale: bool
) -> None:
    known = run({**task(), "start_time": began})
    assert LifeOptions(flow_run_count=started, inputs_since=10).is_stale(known) == stale
