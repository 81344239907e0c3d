"""Turning the clock: what starts, at what time, and within which limits."""

import asyncio
import math
import threading
from typing import Any

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.jobs.triggers import Turn
from databricks_local.runs import states
from databricks_local.runs.clock import TurnableClock
from databricks_local.runs.models import Run
from databricks_local.runs.states import State
from databricks_local.runs.timetable import Timetable, read_turn
from databricks_local.storage.database import NoJournal

from tests.unit.databricks_local.runs.test_launching import Lab, end_of, job, play

HOUR = 3_600_000
HOURLY = {"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC"}


async def succeeding(*_: Any) -> State:
    return states.SUCCESS


class Bench(Lab):
    """A launcher with a clock that stands at 1970-01-01T00:00:00Z unless it is turned."""

    def __init__(self) -> None:
        self.clock = TurnableClock(lambda: 0, NoJournal())
        self.files = {"/Volumes/a/b/c/there"}
        self.looked_at: list[str] = []
        super().__init__(succeeding, clock=self.clock)
        self.timetable = Timetable(self.clock, self.jobs, self.store, self.launcher, self.files_below)

    def files_below(self, url: str, _: float) -> frozenset[str]:
        self.looked_at.append(url)
        return frozenset(each for each in self.files if each.startswith(f"{url}/"))

    def save(self, **settings: Any) -> int:
        return self.jobs.create({**job("a"), **settings}, "me").job_id

    async def turn(self, hours: int, **news: Any) -> list[Run]:
        return await self.timetable.turn({"advance_seconds": hours * 3600, **news})


def states_of(runs: list[Run]) -> list[str]:
    return [run.state.life_cycle.value for run in runs]


def test_each_run_starts_at_its_time() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.save(schedule=HOURLY, max_concurrent_runs=10)
        runs = await bench.turn(3)
        assert [run.start_time for run in runs] == [HOUR, 2 * HOUR, 3 * HOUR]
        assert [run.spec.trigger_time for run in runs] == [HOUR, 2 * HOUR, 3 * HOUR]
        assert {run.spec.trigger for run in runs} == {"PERIODIC"}
        assert runs[0].spec.schedule == HOURLY
        assert bench.clock() == 3 * HOUR
        for run in runs:
            await end_of(run)
        assert [run.start_time for run in await bench.turn(1)] == [4 * HOUR]

    play(scenario())


def test_jobs_take_their_turns_by_time() -> None:
    async def scenario() -> None:
        bench = Bench()
        late = bench.save(trigger={"periodic": {"interval": 90, "unit": "MINUTES"}}, max_concurrent_runs=5)
        early = bench.save(schedule=HOURLY, max_concurrent_runs=5)
        bench.save()
        bench.save(schedule={**HOURLY, "pause_status": "PAUSED"})
        bench.save(schedule=HOURLY, tasks=[])
        assert [run.job_id for run in await bench.turn(3)] == [early, late, early, late, early]

    play(scenario())


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"queue": {"enabled": True}}, ["PENDING", "QUEUED", "QUEUED"]),
        ({}, ["PENDING", "SKIPPED", "SKIPPED"]),
        ({"max_concurrent_runs": 2}, ["PENDING", "PENDING", "SKIPPED"]),
        ({"max_concurrent_runs": 0}, ["SKIPPED", "SKIPPED", "SKIPPED"]),
    ],
)
def test_limits_are_those_of_any_run(settings: dict[str, Any], expected: list[str]) -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.save(schedule=HOURLY, **settings)
        runs = await bench.turn(3)
        assert states_of(runs) == expected
        for run in runs:
            await end_of(run)
        ended = [
            "TERMINATED" if state == "QUEUED" else state.replace("PENDING", "TERMINATED")
            for state in expected
        ]
        assert states_of(runs) == ended

    play(scenario())


def test_a_continuous_job_has_one_run_at_a_time() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.save(continuous={})
        (first,) = await bench.turn(1)
        assert (first.spec.trigger, first.start_time) == ("CONTINUOUS", 0)
        assert await bench.turn(1) == []
        await end_of(first)
        (second,) = await bench.turn(1)
        assert second.start_time == 2 * HOUR

    play(scenario())


def test_news_start_runs_with_their_least_distance() -> None:
    async def scenario() -> None:
        bench = Bench()
        trigger = {"file_arrival": {"url": "/Volumes/a/b/c", "min_time_between_triggers_seconds": 5400}}
        bench.save(trigger=trigger, max_concurrent_runs=5)
        await bench.turn(1)
        (first,) = await bench.turn(1, arrived_files=["/Volumes/a/b/c/x"])
        (second,) = await bench.turn(1, arrived_files=["/Volumes/a/b/c/y"])
        assert [run.spec.trigger_time for run in (first, second)] == [HOUR, 5 * HOUR // 2]
        assert first.spec.trigger == "FILE_ARRIVAL"

    play(scenario())


def test_news_wait_over_many_turns_and_start_one_run() -> None:
    async def scenario() -> None:
        bench = Bench()
        trigger = {"file_arrival": {"url": "/Volumes/a/b/c", "wait_after_last_change_seconds": 3 * 3600}}
        other = {"table_update": {"table_names": ["t"], "min_time_between_triggers_seconds": 4 * 3600}}
        saved = [bench.save(trigger=each, max_concurrent_runs=5) for each in (trigger, other)]
        await bench.turn(1)
        (first,) = await bench.turn(1, arrived_files=["/Volumes/a/b/c/x"], updated_tables=["t"])
        assert await bench.turn(1, updated_tables=["t"]) == []
        started = [run for _ in range(4) for run in await bench.turn(1)]
        assert [(run.job_id, run.spec.trigger_time) for run in started] == [
            (saved[0], 4 * HOUR),
            (saved[1], 5 * HOUR),
        ]
        assert first.spec.trigger_references == started[1].spec.trigger_references
        assert await bench.turn(24) == []

    play(scenario())


def test_news_of_a_trigger_that_is_changed_are_forgotten() -> None:
    async def scenario() -> None:
        bench = Bench()
        trigger = {"file_arrival": {"url": "s3://b/in", "wait_after_last_change_seconds": 7200}}
        saved = bench.jobs.get(bench.save(trigger=trigger))
        assert await bench.turn(1, arrived_files=["s3://b/in/x"]) == []
        bench.jobs.change(saved, {**saved.settings, "trigger": {**trigger, "pause_status": "PAUSED"}})
        assert await bench.turn(1) == []
        bench.jobs.change(saved, {**saved.settings, "trigger": trigger})
        assert await bench.turn(9) == []

    play(scenario())


def test_files_that_came_since_are_news_once() -> None:
    async def scenario() -> None:
        bench = Bench()
        trigger = {"file_arrival": {"url": "/Volumes/a/b/c"}}
        first = bench.save(trigger=trigger, max_concurrent_runs=5)
        await bench.timetable.watch(bench.jobs.get(first))
        assert await bench.turn(1) == []
        bench.files.add("/Volumes/a/b/c/new")
        # For a job that is saved now, the file was there before.
        second = bench.save(trigger=trigger, max_concurrent_runs=5)
        await bench.timetable.watch(bench.jobs.get(second))
        await bench.timetable.watch(bench.jobs.get(first))
        assert [run.job_id for run in await bench.turn(1)] == [first]
        assert await bench.turn(1) == []
        bench.files.add("/Volumes/a/b/elsewhere")
        assert await bench.turn(1) == []
        bench.files.add("/Volumes/a/b/c/newer")
        assert [run.job_id for run in await bench.turn(1)] == [first, second]

    play(scenario())


def test_another_place_to_watch_begins_anew() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.files.add("/Volumes/x/y/z/there")
        saved = bench.jobs.get(bench.save(trigger={"file_arrival": {"url": "/Volumes/a/b/c"}}))
        await bench.timetable.watch(saved)
        bench.jobs.change(saved, {**saved.settings, "trigger": {"file_arrival": {"url": "/Volumes/x/y/z"}}})
        await bench.timetable.watch(saved)
        assert await bench.turn(1) == []
        bench.files.add("/Volumes/x/y/z/new")
        assert [run.job_id for run in await bench.turn(1)] == [saved.job_id]

    play(scenario())


def test_files_that_came_while_a_job_waited_for_none_are_no_news() -> None:
    async def scenario() -> None:
        bench = Bench()
        trigger = {"file_arrival": {"url": "/Volumes/a/b/c"}}
        saved = bench.jobs.get(bench.save(trigger=trigger))
        await bench.timetable.watch(saved)
        bench.jobs.change(saved, job("a"))
        await bench.timetable.watch(saved)
        bench.files.add("/Volumes/a/b/c/meanwhile")
        bench.jobs.change(saved, {**job("a"), "trigger": trigger})
        await bench.timetable.watch(saved)
        assert await bench.turn(1) == []

    play(scenario())


def test_nothing_is_kept_of_a_job_that_is_deleted_or_waits_for_no_files() -> None:
    async def scenario() -> None:
        bench = Bench()
        trigger = {"file_arrival": {"url": "/Volumes/a/b/c"}}
        gone, changed = (bench.jobs.get(bench.save(trigger=trigger)) for _ in range(2))
        for each in (gone, changed):
            await bench.timetable.watch(each)
        bench.jobs.delete(gone.job_id)
        bench.timetable.forget(gone.job_id)
        bench.jobs.change(changed, job("a"))
        await bench.timetable.watch(changed)
        await bench.turn(1)
        assert bench.timetable._known == {}

    play(scenario())


def test_a_place_that_many_jobs_watch_is_looked_at_once() -> None:
    async def scenario() -> None:
        bench = Bench()
        for url in ("/Volumes/a/b/c", "/Volumes/a/b/c", "/Volumes/x/y/z"):
            bench.save(trigger={"file_arrival": {"url": url}})
        await bench.timetable.begin()
        assert sorted(bench.looked_at) == ["/Volumes/a/b/c", "/Volumes/x/y/z"]
        await bench.turn(1)
        assert sorted(bench.looked_at) == 2 * ["/Volumes/a/b/c"] + 2 * ["/Volumes/x/y/z"]

    play(scenario())


def test_a_turn_waits_until_the_server_knows_what_was_there() -> None:
    async def scenario() -> None:
        bench = Bench()
        let, first = threading.Event(), frozenset(bench.files)

        def slowly(_: str, before: float) -> frozenset[str]:
            if before < math.inf:
                let.wait(10)
                return first
            return frozenset(bench.files)

        bench.timetable = Timetable(bench.clock, bench.jobs, bench.store, bench.launcher, slowly)
        waits = bench.save(trigger={"file_arrival": {"url": "/Volumes/a/b/c"}})
        bench.timetable.begin()
        bench.files.add("/Volumes/a/b/c/new")
        turning = asyncio.create_task(bench.turn(1))
        done, _ = await asyncio.wait({turning}, timeout=0.1)
        assert not done
        let.set()
        assert [run.job_id for run in await turning] == [waits]

    play(scenario())


def test_a_turn_that_is_refused_forgets_no_file() -> None:
    async def scenario() -> None:
        bench = Bench()
        waits = bench.save(trigger={"file_arrival": {"url": "/Volumes/a/b/c"}})
        await bench.timetable.watch_all()
        bench.files.add("/Volumes/a/b/c/new")
        with pytest.raises(ApiError):
            await bench.turn(-1)
        assert [run.job_id for run in await bench.turn(1)] == [waits]

    play(scenario())


def test_a_turn_that_starts_too_much_changes_nothing() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.save(schedule={**HOURLY, "quartz_cron_expression": "* * * * * ?"})
        with pytest.raises(ApiError, match="This turn of the clock starts more than 1000 runs"):
            await bench.turn(1)
        assert (bench.clock(), list(bench.store.newest_first())) == (0, [])

    play(scenario())


@pytest.mark.parametrize(
    ("body", "turn"),
    [
        ({"advance_seconds": 60}, Turn(5_000, 65_000)),
        ({"advance_seconds": 0}, Turn(5_000, 5_000)),
        ({"until": "1970-01-01T00:01:00Z"}, Turn(5_000, 60_000)),
        ({"until": "1970-01-01T02:00:00+01:00"}, Turn(5_000, HOUR)),
        ({"until": "1970-01-01T00:01:00"}, Turn(5_000, 60_000)),
        (
            {"advance_seconds": 1, "arrived_files": ["/f"], "updated_tables": ["t"]},
            Turn(5_000, 6_000, ("/f",), ("t",)),
        ),
    ],
)
def test_how_far_a_turn_goes(body: dict[str, Any], turn: Turn) -> None:
    assert read_turn(body, 5_000) == turn


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Say either advance_seconds or until."),
        ({"advance_seconds": 1, "until": "1970-01-02"}, "Say either"),
        ({"advance_seconds": -1}, "forward only"),
        ({"until": "1970-01-01T00:00:01Z"}, "forward only"),
        ({"until": "9999-12-31"}, "at most ten years"),
        ({"advance_seconds": 10**12}, "at most ten years"),
        ({"until": "soon"}, "until must be a time such as 2026-03-29T00:30:00Z, but is 'soon'."),
        ({"advance_seconds": "1.5"}, "Expected an integer for field 'advance_seconds'"),
    ],
)
def test_turns_that_are_refused(body: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError, match=message):
        read_turn(body, 5_000)
