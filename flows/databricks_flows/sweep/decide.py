"""Decides what the sweep does with each thing. Pure: no call is made.

What is not certainly ours, or may still be used, is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from databricks_flows.sweep.facts import Facts, Found, Owner, Rules, Stage

Verb = Literal["cancel", "end as cancelled", "end as crashed", "remove", "restore", "leave"]

# A repair that the flow asked for while it was being cancelled is not one that a person asked for later.
_CROSSING = timedelta(minutes=1)
_UNKNOWN = "unknown: this Prefect server has no such flow run"


@dataclass(frozen=True)
class Action:
    """What is done with a thing.

    Attributes:
        found: The thing.
        verb: What is done.
        why: Why, in a few words.
        after: Databricks runs that have to end before.
    """

    found: Found
    verb: Verb
    why: str
    after: frozenset[int] = frozenset()


def decide(facts: Facts, rules: Rules) -> list[Action]:
    """Decide about everything that was found.

    Returns:
        The actions, in the order in which they are done: Databricks runs end first, then flow runs, then what
        they left. Databricks runs, flow runs and task runs that are simply at work are not in it.
    """
    runs = [action for found in facts.found if (action := _about_run(found, facts, rules))]
    cancelled = frozenset(int(action.found.name) for action in runs if action.verb == "cancel")
    return [*runs, *_about_others(facts, rules, cancelled)]


def _about_others(facts: Facts, rules: Rules, cancelled: frozenset[int]) -> Iterator[Action]:
    kinds = ("flow run", "task run", "job settings", "tables", "staged files", "output folder", "messages")
    for what in kinds:
        for found in facts.found:
            if found.what != what:
                continue
            owner = facts.owners.get(found.owners[0], Owner())
            if what in ("flow run", "task run"):
                if action := _about_state(found, owner, rules, cancelled):
                    yield action
            elif what == "job settings":
                yield _about_job(found, owner, rules, cancelled)
            else:
                yield _about_leftover(found, owner, rules, cancelled)


def _about_run(found: Found, facts: Facts, rules: Rules) -> Action | None:
    """A Databricks run is cancelled if all flow runs that watched it were cancelled after it was started."""
    if found.what != "Databricks run":
        return None
    times = [_cancelled_at(facts.owners.get(owner, Owner()), rules) for owner in found.owners]
    known = [time for time in times if time is not None]
    if not known:
        return None
    if len(known) < len(times):
        return Action(found, "leave", "another flow run, which was not cancelled, watches it as well")
    if found.begun is not None and found.begun > max(known) + _CROSSING:
        return Action(found, "leave", "it was started again after the flow run was cancelled")
    return Action(found, "cancel", "its flow run was cancelled")


def _cancelled_at(owner: Owner, rules: Rules) -> datetime | None:
    """When a flow run, or its caller, was cancelled; `None`: it was not, or it may still end by itself."""
    if not owner.chain:
        return None
    times = [stage.since for stage in owner.chain if stage.state in ("CANCELLED", "CANCELLING")]
    process = owner.chain[-1]
    if not times or not (process.is_final or _is_late(min(times), rules)):
        return None
    return min(times)


def _about_state(found: Found, owner: Owner, rules: Rules, cancelled: frozenset[int]) -> Action | None:
    """End a flow run or task run whose process is gone."""
    if not owner.chain:
        return None
    process = owner.chain[-1]
    # The tasks of a flow run that has ended are over, even if its caller goes on.
    over = owner.chain[0] if owner.chain[0].is_final else process
    if _is_stuck(process, rules):
        if owner.doubt:
            return Action(found, "leave", owner.doubt)
        return Action(found, "end as cancelled", _stuck(process), owner.active_runs & cancelled)
    if not over.is_final or not _is_late(over.since, rules):
        return None
    # A retry takes up the subflow run of a killed process, but shows each Databricks task anew.
    is_taken_up = found.what == "flow run" and over.state == "CRASHED"
    if is_taken_up and (reason := _kept(owner, over, rules, cancelled)):
        return Action(found, "leave", reason)
    verb: Verb = "end as cancelled" if over.state == "CANCELLED" else "end as crashed"
    return Action(found, verb, f"nobody else can end it: {_ended(over)}", owner.active_runs & cancelled)


def _about_job(found: Found, owner: Owner, rules: Rules, cancelled: frozenset[int]) -> Action:
    """A saved job gets its settings back as soon as no run of it needs the changed ones."""
    if not owner.chain:
        return Action(found, "leave", _UNKNOWN)
    process = owner.chain[-1]
    if not (process.is_final or _is_stuck(process, rules)):
        return Action(found, "leave", _at_work(process))
    if active := found.active_runs - cancelled:
        return Action(found, "leave", _active(active))
    if found.obstacle:
        return Action(found, "leave", found.obstacle)
    return Action(found, "restore", f"changed for a repair: {_ended(process)}", found.active_runs & cancelled)


def _about_leftover(found: Found, owner: Owner, rules: Rules, cancelled: frozenset[int]) -> Action:
    if not owner.chain:
        return Action(found, "leave", _UNKNOWN)
    process = owner.chain[-1]
    if _is_stuck(process, rules):
        ended = Stage(process.flow_run_id, "CANCELLED", process.since)
        why = _stuck(process)
    elif not process.is_final:
        return Action(found, "leave", _at_work(process))
    else:
        # A flow run that was still at work when its process ended has ended as that did.
        ended = owner.chain[0] if owner.chain[0].is_final else process
        why = _ended(ended)
    if reason := _kept(owner, ended, rules, cancelled):
        return Action(found, "leave", reason)
    return Action(found, "remove", why, owner.active_runs & cancelled)


def _kept(owner: Owner, ended: Stage, rules: Rules, cancelled: frozenset[int]) -> str:
    """Why the leftovers of a flow run that has ended are kept; empty: they are not."""
    if active := owner.active_runs - cancelled:
        return _active(active)
    if ended.state != "COMPLETED" and owner.doubt:
        return owner.doubt
    if ended.state in ("FAILED", "CRASHED"):
        until = _kept_until(owner, ended, rules)
        if rules.now < until:
            return f"{_ended(ended)}: kept for a retry until {until:%Y-%m-%d %H:%M} UTC"
    return ""


def _kept_until(owner: Owner, ended: Stage, rules: Rules) -> datetime:
    keep_for = rules.keep_after_failure if owner.keep_for is None else owner.keep_for
    until = ended.since + keep_for
    return until if owner.keep_until is None else max(until, owner.keep_until)


def _is_stuck(stage: Stage, rules: Rules) -> bool:
    """Whether a cancel has not ended the flow run for so long that its process must be gone."""
    return stage.state == "CANCELLING" and _is_late(stage.since, rules)


def _is_late(since: datetime, rules: Rules) -> bool:
    return rules.now - since > rules.cancelling


def _stuck(stage: Stage) -> str:
    return f"cancelling since {stage.since:%Y-%m-%d %H:%M} UTC, and nobody ends it"


def _ended(stage: Stage) -> str:
    return f"flow run {stage.state.lower()}"


def _at_work(stage: Stage) -> str:
    doubt = "; whether its process is alive is not known" if stage.state == "RUNNING" else ""
    return f"flow run {stage.state.lower()}{doubt}"


def _active(runs: frozenset[int]) -> str:
    return f"Databricks run {', '.join(map(str, sorted(runs)))} is active"
