"""What the sweep does with what it finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from databricks_flows.sweep.decide import Action, decide
from databricks_flows.sweep.facts import Facts, Found, Owner, Rules, Stage

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
RULES = Rules(NOW, timedelta(hours=24), timedelta(minutes=10))
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
ME = uuid4()
LEFTOVERS = ("tables", "staged files", "output folder", "messages")


def stage(state: str, age: timedelta = HOUR) -> Stage:
    return Stage(uuid4(), state, NOW - age)


def owner(*states: str, age: timedelta = HOUR, **fields: Any) -> Owner:
    return Owner(tuple(stage(state, age) for state in states), **fields)


def about(what: Any, who: Owner, **fields: Any) -> Action | None:
    """The only action about a thing of one flow run."""
    actions = decide(Facts([Found(what, "7", (ME,), **fields)], {ME: who}), RULES)
    return actions[0] if actions else None


def verb(what: Any, who: Owner, **fields: Any) -> str:
    action = about(what, who, **fields)
    return action.verb if action else "nothing"


LATE = 25 * HOUR


@pytest.mark.parametrize("what", LEFTOVERS)
@pytest.mark.parametrize(
    ("who", "expected", "why"),
    [
        (Owner(), "leave", "unknown"),
        (owner("COMPLETED", age=timedelta()), "remove", "completed"),
        (owner("CANCELLED", age=timedelta()), "remove", "cancelled"),
        (owner("FAILED"), "leave", "kept for a retry until 2026-11-28 11:00 UTC"),
        (owner("CRASHED"), "leave", "kept for a retry until 2026-11-28 11:00 UTC"),
        (owner("FAILED", age=LATE), "remove", "failed"),
        (owner("CRASHED", age=LATE), "remove", "crashed"),
        (owner("FAILED", age=LATE, active_runs=frozenset({5})), "leave", "Databricks run 5 is active"),
        (owner("CRASHED", age=LATE, active_runs=frozenset({5})), "leave", "Databricks run 5 is active"),
        (owner("COMPLETED", active_runs=frozenset({5})), "leave", "Databricks run 5 is active"),
        (owner("CANCELLED", active_runs=frozenset({6, 5})), "leave", "Databricks run 5, 6 is active"),
        (owner("FAILED", age=LATE, keep_until=NOW + MINUTE), "leave", "kept for a retry until"),
        (owner("FAILED", keep_until=NOW, keep_for=HOUR), "remove", "failed"),
        (owner("FAILED", keep_for=timedelta()), "remove", "failed"),
        (owner("CRASHED", age=LATE, keep_for=26 * HOUR), "leave", "until 2026-11-27 13:00 UTC"),
        (owner("CRASHED", keep_for=HOUR / 2), "remove", "crashed"),
        # It failed, was retried, and crashed: the note is older than the crash.
        (owner("CRASHED", keep_until=NOW - 2 * HOUR), "leave", "until 2026-11-28 11:00 UTC"),
        (owner("CRASHED", keep_until=NOW - 2 * HOUR, keep_for=3 * HOUR), "leave", "until 2026-11-27 14:00"),
        (owner("CRASHED", age=LATE, doubt="its run cannot be looked up"), "leave", "looked up"),
        (owner("CANCELLED", doubt="its run cannot be looked up"), "leave", "looked up"),
        (owner("COMPLETED", doubt="its run cannot be looked up"), "remove", "completed"),
        *((owner(state, age=100 * LATE), "leave", state.lower()) for state in ("PENDING", "SCHEDULED")),
        *((owner(state, age=100 * LATE), "leave", state.lower()) for state in ("PAUSED", "RUNNING")),
        (owner("CANCELLING", age=9 * MINUTE), "leave", "cancelling"),
        (owner("CANCELLING", age=11 * MINUTE), "remove", "nobody ends it"),
        # Called by another flow run in the same process: that one decides whether it may be retried.
        (owner("COMPLETED", "RUNNING"), "leave", "running"),
        (owner("FAILED", "RUNNING", age=LATE), "leave", "running"),
        (owner("CANCELLED", "SCHEDULED"), "leave", "scheduled"),
        (owner("RUNNING", "CRASHED", age=LATE), "remove", "crashed"),
        (owner("RUNNING", "CRASHED"), "leave", "kept for a retry"),
        (owner("RUNNING", "CANCELLED"), "remove", "cancelled"),
        (owner("COMPLETED", "FAILED"), "remove", "completed"),
        (owner("FAILED", "COMPLETED", age=LATE), "remove", "failed"),
        (owner("FAILED", "COMPLETED"), "leave", "kept for a retry"),
        (owner("RUNNING", "CANCELLING"), "remove", "nobody ends it"),
    ],
)
def test_leftovers_go_when_nothing_can_use_them_any_more(
    what: str, who: Owner, expected: str, why: str
) -> None:
    action = about(what, who)
    assert action is not None
    assert (action.verb, why in action.why) == (expected, True), action


def test_that_a_process_is_alive_is_not_claimed() -> None:
    action = about("tables", owner("RUNNING"))
    assert action is not None
    assert action.why == "flow run running; whether its process is alive is not known"


@pytest.mark.parametrize(
    ("who", "begun", "expected"),
    [
        (owner("RUNNING"), 2 * HOUR, "nothing"),
        (owner("FAILED"), 2 * HOUR, "nothing"),
        (owner("CRASHED"), 2 * HOUR, "nothing"),
        (owner("COMPLETED"), 2 * HOUR, "nothing"),
        (Owner(), 2 * HOUR, "nothing"),
        (owner("CANCELLED"), 2 * HOUR, "cancel"),
        (owner("RUNNING", "CANCELLED"), 2 * HOUR, "cancel"),
        (owner("CANCELLED", "RUNNING"), 2 * HOUR, "cancel"),
        (owner("CANCELLED", "RUNNING", age=9 * MINUTE), 2 * HOUR, "nothing"),
        (owner("CRASHED", "CANCELLED"), 2 * HOUR, "cancel"),
        (owner("CANCELLING", age=9 * MINUTE), 2 * HOUR, "nothing"),
        (owner("CANCELLING", age=11 * MINUTE), 2 * HOUR, "cancel"),
        (owner("RUNNING", "CANCELLING", age=11 * MINUTE), 2 * HOUR, "cancel"),
        (owner("CANCELLED"), HOUR - MINUTE / 2, "cancel"),
        # A person had it repaired, or ran it again, after the cancel.
        (owner("CANCELLED"), HOUR / 2, "leave"),
    ],
)
def test_a_run_is_cancelled_if_its_flow_run_was_and_cannot_do_it(
    who: Owner, begun: timedelta, expected: str
) -> None:
    assert verb("Databricks run", who, begun=NOW - begun) == expected


def test_a_run_that_another_flow_run_watches_is_left() -> None:
    other = uuid4()
    run = Found("Databricks run", "5", (ME, other), begun=NOW - 2 * HOUR)
    facts = Facts([run], {ME: owner("CANCELLED"), other: owner("RUNNING")})
    assert [action.verb for action in decide(facts, RULES)] == ["leave"]
    facts = Facts([run], {ME: owner("CANCELLED"), other: owner("CANCELLED")})
    assert [action.verb for action in decide(facts, RULES)] == ["cancel"]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (owner("CANCELLING", age=9 * MINUTE), "nothing"),
        (owner("CANCELLING", age=11 * MINUTE), "end as cancelled"),
        (owner("CANCELLING", age=HOUR, doubt="its run cannot be looked up"), "leave"),
        (owner("RUNNING", "CANCELLING"), "end as cancelled"),
        (owner("CANCELLING", "RUNNING"), "nothing"),
        (owner("RUNNING"), "nothing"),
        (owner("RUNNING", "RUNNING"), "nothing"),
        (owner("PENDING", "COMPLETED"), "end as crashed"),
        (owner("RUNNING", "COMPLETED", age=9 * MINUTE), "nothing"),
        (owner("RUNNING", "FAILED"), "end as crashed"),
        (owner("PAUSED", "CANCELLED"), "end as cancelled"),
        (owner("RUNNING", "CRASHED"), "leave"),
        (owner("RUNNING", "CRASHED", age=LATE), "end as crashed"),
        (owner("RUNNING", "CRASHED", age=LATE, active_runs=frozenset({5})), "leave"),
        (Owner(), "nothing"),
    ],
)
def test_a_flow_run_ends_when_its_process_must_be_gone(who: Owner, expected: str) -> None:
    assert verb("flow run", who) == expected


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        # The chain begins with the flow run of the task run.
        (owner("RUNNING", "RUNNING"), "nothing"),
        (owner("FAILED", "RUNNING"), "end as crashed"),
        (owner("COMPLETED", "RUNNING", age=9 * MINUTE), "nothing"),
        (owner("CANCELLED", "RUNNING"), "end as cancelled"),
        # The retry shows the tasks anew, in task runs of its own.
        (owner("CRASHED", "SCHEDULED"), "end as crashed"),
        (owner("RUNNING", "CRASHED"), "end as crashed"),
        (owner("RUNNING", "CRASHED", age=9 * MINUTE), "nothing"),
        (owner("RUNNING", "CRASHED", active_runs=frozenset({5})), "end as crashed"),
        (owner("RUNNING", "CANCELLED"), "end as cancelled"),
        (owner("RUNNING", "CANCELLING"), "end as cancelled"),
        (Owner(), "nothing"),
    ],
)
def test_a_mirrored_task_ends_when_its_flow_run_is_over(who: Owner, expected: str) -> None:
    assert verb("task run", who) == expected


@pytest.mark.parametrize(
    ("who", "fields", "expected"),
    [
        (owner("COMPLETED"), {}, "restore"),
        (owner("CRASHED"), {}, "restore"),
        (owner("CANCELLING"), {}, "restore"),
        (owner("RUNNING"), {}, "leave"),
        (owner("SCHEDULED"), {}, "leave"),
        (owner("CRASHED"), {"active_runs": frozenset({8})}, "leave"),
        (owner("CRASHED"), {"obstacle": "its settings are not known"}, "leave"),
        (Owner(), {}, "leave"),
    ],
)
def test_a_saved_job_is_restored_when_no_run_needs_what_was_changed(
    who: Owner, fields: dict[str, Any], expected: str
) -> None:
    assert verb("job settings", who, **fields) == expected


def test_what_a_cancelled_run_writes_is_removed_after_its_end() -> None:
    found = [
        Found("staged files", "x", (ME,)),
        Found("tables", "y", (ME,)),
        Found("flow run", str(ME), (ME,)),
        Found("job settings", "z", (ME,), active_runs=frozenset({5})),
        Found("Databricks run", "5", (ME,), begun=NOW - 2 * HOUR),
    ]
    who = owner("CANCELLING", age=11 * MINUTE, active_runs=frozenset({5}))
    actions = decide(Facts(found, {ME: who}), RULES)
    assert [(action.found.what, action.verb, action.after) for action in actions] == [
        ("Databricks run", "cancel", frozenset()),
        ("flow run", "end as cancelled", frozenset({5})),
        ("job settings", "restore", frozenset({5})),
        ("tables", "remove", frozenset({5})),
        ("staged files", "remove", frozenset({5})),
    ]


def test_another_active_run_of_the_flow_run_still_keeps_its_leftovers() -> None:
    found = [Found("tables", "y", (ME,)), Found("Databricks run", "5", (ME,), begun=NOW - 2 * HOUR)]
    who = replace(owner("CANCELLED"), active_runs=frozenset({5, 6}))
    actions = decide(Facts(found, {ME: who}), RULES)
    assert [(action.verb, action.why) for action in actions] == [
        ("cancel", "its flow run was cancelled"),
        ("leave", "Databricks run 6 is active"),
    ]


def test_every_thing_is_decided_by_its_own_flow_run() -> None:
    ids = [UUID(int=number) for number in range(3)]
    states = dict(zip(ids, ("COMPLETED", "RUNNING", "CANCELLED"), strict=True))
    facts = Facts(
        [Found("tables", str(one), (one,)) for one in ids],
        {one: owner(state) for one, state in states.items()},
    )
    removed = [action.found.owners[0] for action in decide(facts, RULES) if action.verb == "remove"]
    assert removed == [ids[0], ids[2]]
