"""Who would be told of what, and when."""

from dataclasses import replace
from typing import Any

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.jobs.alerts import read_alerts
from databricks_local.runs import states
from databricks_local.runs.models import Round, Run
from databricks_local.runs.notifications import notifications_of
from databricks_local.runs.states import State

from tests.unit.databricks_local.pages.page_lab import end, make_run, spec

STARTED, ENDED, NOW = 5_000, 65_000, 100_000
EVENTS = ("on_start", "on_success", "on_failure", "on_duration_warning_threshold_exceeded")
ALL_MAILS = {"email_notifications": {event: ["me@example.org"] for event in EVENTS}}
FAILED = states.run_failure("it failed")


def run_in(state: State, alerts: dict[str, Any], **changes: Any) -> Run:
    run = make_run(spec("a"))
    run.spec = replace(run.spec, **changes)
    run.rounds[0].alerts = alerts
    run.state = run.rounds[0].state = state
    if state.terminal:
        run.end_time = run.rounds[0].end_time = ENDED
    return run


def told(run: Run) -> list[tuple[str, int]]:
    return [(each.event, each.time) for each in notifications_of(run, NOW)]


@pytest.mark.parametrize(
    ("state", "settings", "expected"),
    [
        (states.PENDING, {}, [("on_start", STARTED)]),
        (states.SUCCESS, {}, [("on_start", STARTED), ("on_success", ENDED)]),
        (FAILED, {}, [("on_start", STARTED), ("on_failure", ENDED)]),
        (states.TIMED_OUT, {}, [("on_start", STARTED), ("on_failure", ENDED)]),
        (states.DRIVER_LOST, {}, [("on_start", STARTED), ("on_failure", ENDED)]),
        (states.SUCCESS_WITH_FAILURES, {}, [("on_start", STARTED)]),
        (states.USER_CANCELED, {}, [("on_start", STARTED), ("on_failure", ENDED)]),
        (states.USER_CANCELED, {"no_alert_for_canceled_runs": True}, [("on_start", STARTED)]),
        (states.queued(1), {}, []),
        (states.concurrency_skipped(1), {}, [("on_failure", ENDED)]),
        (states.concurrency_skipped(1), {"no_alert_for_skipped_runs": True}, []),
    ],
)
def test_a_run(state: State, settings: dict[str, bool], expected: list[tuple[str, int]]) -> None:
    assert told(run_in(state, {**ALL_MAILS, "notification_settings": settings})) == expected


def test_the_older_switch_among_the_addresses() -> None:
    mails = {**ALL_MAILS["email_notifications"], "no_alert_for_skipped_runs": True}
    assert told(run_in(states.concurrency_skipped(1), {"email_notifications": mails})) == []


@pytest.mark.parametrize(
    ("state", "seconds", "expected"),
    [
        (states.SUCCESS, 59, [64_000]),
        (states.SUCCESS, 60, []),
        (states.RUNNING, 90, [95_000]),
        (states.RUNNING, 95, []),
        (states.queued(1), 10, []),
    ],
)
def test_a_run_that_lasts_too_long(state: State, seconds: int, expected: list[int]) -> None:
    rule = {"metric": "RUN_DURATION_SECONDS", "op": "GREATER_THAN", "value": seconds}
    found = told(run_in(state, {**ALL_MAILS, "health": {"rules": [rule]}}))
    assert [time for event, time in found if event == EVENTS[3]] == expected


def test_each_repair_begins_and_ends_anew() -> None:
    run = run_in(FAILED, ALL_MAILS)
    run.rounds.append(Round(9, 70_000, 80_000, states.SUCCESS, ALL_MAILS))
    assert told(run) == [
        ("on_start", 5_000),
        ("on_failure", 65_000),
        ("on_start", 70_000),
        ("on_success", 80_000),
    ]


def test_everybody_is_told_by_the_way_that_was_asked_for() -> None:
    alerts = {
        "email_notifications": {"on_success": ["a@example.org", "b@example.org"]},
        "webhook_notifications": {"on_success": [{"id": "hook-1"}]},
    }
    found = notifications_of(run_in(states.SUCCESS, alerts), NOW)
    assert [(each.channel, each.destination) for each in found] == [
        ("email", "a@example.org"),
        ("email", "b@example.org"),
        ("webhook", "hook-1"),
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["on_start", "on_failure", "on_start", "on_failure"]),
        ({"alert_on_last_attempt": True}, ["on_start", "on_failure"]),
    ],
)
def test_the_attempts_at_a_task(settings: dict[str, bool], expected: list[str]) -> None:
    run = make_run(spec("a", alerts={**ALL_MAILS, "notification_settings": settings}))
    first = end(run.tasks[0], states.WORKLOAD_FAILURE)
    again = replace(first, run_id=99, attempt_number=1, start_time=7_000, end_time=8_000)
    run.tasks.append(again)
    found = notifications_of(run, NOW)
    assert [each.event for each in found] == expected
    assert (found[-1].task_key, found[-1].task_run_id, found[-1].time) == ("a", 99, 8_000)


@pytest.mark.parametrize(
    ("state", "expected"),
    [(states.UPSTREAM_FAILED, ["on_failure"]), (states.EXCLUDED, []), (states.DISABLED, [])],
)
def test_a_task_that_never_started(state: State, expected: list[str]) -> None:
    run = make_run(spec("a", alerts=ALL_MAILS))
    run.tasks[0].state = state
    assert [each.event for each in notifications_of(run, NOW)] == expected


def test_a_run_in_the_old_format_is_told_of_once() -> None:
    run = run_in(states.SUCCESS, ALL_MAILS, legacy=True)
    run.tasks[0].spec = spec("a", alerts=ALL_MAILS)
    end(run.tasks[0], states.SUCCESS)
    assert [event for event, _ in told(run)] == ["on_start", "on_success"]


@pytest.mark.parametrize(
    ("holder", "message"),
    [
        ({"email_notifications": {"on_start": "me"}}, "Expected a list of strings for field 'on_start'"),
        ({"webhook_notifications": {"on_start": ["me"]}}, "Expected a list of objects for field 'on_start'"),
        ({"webhook_notifications": {"on_start": [{}]}}, "Missing required field: id"),
        (
            {"webhook_notifications": {"on_start": [{"id": "x"}] * 4}},
            "on_start can have at most 3 destinations",
        ),
        ({"notification_settings": {"no_alert_for_skipped_runs": "maybe"}}, "Expected a boolean"),
        ({"health": {"rules": [{"metric": "RUN_DURATION_SECONDS", "value": "x"}]}}, "Expected an integer"),
        ({"email_notifications": []}, "Expected 'START_OBJECT'"),
    ],
)
def test_what_is_refused(holder: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError, match=message):
        read_alerts(holder)
