"""Turns the clock, and starts what that makes due."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from databricks_local.api.bodies import Json, read_integer, read_string, read_string_list
from databricks_local.api.errors import invalid_parameter
from databricks_local.jobs.store import Job, JobStore
from databricks_local.jobs.triggers import Firing, Turn, firings
from databricks_local.runs.clock import TurnableClock
from databricks_local.runs.launcher import Launcher
from databricks_local.runs.models import Run
from databricks_local.runs.store import RunStore

MAX_FIRINGS = 1_000
"""How many runs one turn may start."""

MAX_TURN_SECONDS = 10 * 366 * 24 * 3600
_SECOND = 1_000


@dataclass(frozen=True)
class Timetable:
    """What is due when. Nothing happens by itself: only a turn of the clock starts runs."""

    clock: TurnableClock
    jobs: JobStore
    runs: RunStore
    launcher: Launcher

    def turn(self, body: Json) -> list[Run]:
        """Turn the clock, and start what is due, each run at its time.

        Nobody gets a turn in between: a run that is active stays active for the whole turn.

        Args:
            body: `advance_seconds` or `until`, and perhaps `arrived_files` and `updated_tables`.

        Returns:
            The runs, those that wait or were skipped included.

        Raises:
            ApiError: If it cannot be read, or would start too many runs. Then nothing changes.
        """
        turn = read_turn(body, self.clock())
        due = list(
            islice(
                heapq.merge(*(self._due(job, turn) for job in self.jobs.newest_first()), key=_order),
                MAX_FIRINGS + 1,
            )
        )
        if len(due) > MAX_FIRINGS:
            raise invalid_parameter(
                f"This turn of the clock starts more than {MAX_FIRINGS} runs. Turn it less far."
            )
        started = []
        for _, job, firing in due:
            self.clock.turn_to(firing.time)
            run = self.launcher.fire(job, firing)
            if run is not None:
                started.append(run)
        self.clock.turn_to(turn.until)
        return started

    def _due(self, job: Job, turn: Turn) -> Iterator[tuple[int, Job, Firing]]:
        spec = job.spec.trigger
        if spec is None or not job.spec.tasks:
            return
        last = max(
            (run.spec.trigger_time for run in self.runs.of_job(job.job_id) if run.spec.trigger == spec.type),
            default=0,
        )
        for firing in firings(spec, turn, job.created_time, last):
            yield job.number, job, firing


def _order(item: tuple[int, Job, Firing]) -> tuple[int, int]:
    number, _, firing = item
    return firing.time, number


def read_turn(body: Json, now: int) -> Turn:
    """Read how far to turn the clock.

    Args:
        body: The request.
        now: The time, in milliseconds since 1970.
    """
    if ("until" in body) == ("advance_seconds" in body):
        raise invalid_parameter("Say either advance_seconds or until.")
    until = (
        _moment(read_string(body, "until"))
        if "until" in body
        else now + read_integer(body, "advance_seconds") * _SECOND
    )
    if not now <= until <= now + MAX_TURN_SECONDS * _SECOND:
        raise invalid_parameter("The clock can be turned forward only, and by at most ten years.")
    return Turn(now, until, read_string_list(body, "arrived_files"), read_string_list(body, "updated_tables"))


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid_parameter(
            f"until must be a time such as 2026-03-29T00:30:00Z, but is '{text[:80]}'."
        ) from error
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * _SECOND)
