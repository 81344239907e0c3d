"""Turns the clock, and starts what that makes due."""

import asyncio
import heapq
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from databricks_local.api.bodies import Json, read_integer, read_string, read_string_list
from databricks_local.api.errors import invalid_parameter
from databricks_local.jobs.store import Job, JobStore
from databricks_local.jobs.triggers import Firing, News, TriggerSpec, Turn, firings, news_of
from databricks_local.runs.clock import TurnableClock
from databricks_local.runs.launcher import Launcher
from databricks_local.runs.models import Run
from databricks_local.runs.store import RunStore

MAX_FIRINGS = 1_000
"""How many runs one turn may start."""

MAX_TURN_SECONDS = 10 * 366 * 24 * 3600
_SECOND = 1_000


class Timetable:
    """What is due when. Nothing happens by itself: only a turn of the clock starts runs."""

    def __init__(
        self,
        clock: TurnableClock,
        jobs: JobStore,
        runs: RunStore,
        launcher: Launcher,
        files_below: Callable[[str, float], frozenset[str]],
    ) -> None:
        """Set up.

        Args:
            clock: The clock that is turned.
            jobs: The jobs that may have triggers.
            runs: The runs that they started.
            launcher: Starts runs.
            files_below: The files in a directory and below it that came before a time, in seconds since 1970.
                It may take a while.
        """
        self.clock = clock
        self._jobs = jobs
        self._runs = runs
        self._launcher = launcher
        self._files_below = files_below
        self._known: dict[int, tuple[str, frozenset[str]]] = {}
        self._waiting: dict[int, tuple[TriggerSpec, News]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._beginning: asyncio.Task[None] | None = None

    def begin(self) -> "asyncio.Task[None]":
        """Take the files that are there for known, in the background. Turns wait for the end of that.

        A server that starts does not know what came while there was none.
        """
        self._beginning = asyncio.create_task(self.watch_all(self.clock.real() / _SECOND))
        return self._beginning

    async def watch(self, job: Job) -> None:
        """Take the files that are there for known, if a job that is new or was changed waits for others."""
        url = _watched(job)
        if self._known.get(job.job_id, ("", None))[0] == url:
            return
        self.forget(job.job_id)
        if url:
            files = await asyncio.to_thread(self._files_below, url, math.inf)
            self._know(job.job_id, url, files)

    async def watch_all(self, before: float = math.inf) -> None:
        """The same for all jobs.

        Args:
            before: Files that came later are news; seconds since 1970.
        """
        for job_id, (url, files) in (await self._look(before)).items():
            if job_id not in self._known:
                self._know(job_id, url, files)

    def forget(self, job_id: int) -> None:
        """Forget the files of a job that is deleted, or waits for none any more."""
        self._known.pop(job_id, None)

    def _know(self, job_id: int, url: str, files: frozenset[str]) -> None:
        job = self._jobs.find(job_id)
        # It may have been changed or deleted while the files were looked for.
        if job is not None and _watched(job) == url:
            self._known[job_id] = url, files

    async def _look(self, before: float = math.inf) -> dict[int, tuple[str, frozenset[str]]]:
        """Where jobs wait for files, and what is there. Each place is looked at once."""
        urls = {job.job_id: url for job in self._jobs.newest_first() if (url := _watched(job))}
        found = {url: await asyncio.to_thread(self._files_below, url, before) for url in set(urls.values())}
        return {job_id: (url, found[url]) for job_id, url in urls.items()}

    async def turn(self, body: Json) -> list[Run]:
        """Turn the clock, and start what is due, each run at its time.

        Nobody gets a turn in between: a run that is active stays active for the whole turn.

        Args:
            body: `advance_seconds` or `until`, and perhaps `arrived_files` and `updated_tables`.

        Returns:
            The runs, those that wait or were skipped included.

        Raises:
            ApiError: If it cannot be read, or would start too many runs. Then nothing changes.
        """
        async with self._one_at_a_time:
            if self._beginning is not None:
                await asyncio.shield(self._beginning)
            found = await self._look()
            # From here on, nothing else happens before the end.
            return self._turn(read_turn(body, self.clock()), found)

    def _turn(self, turn: Turn, found: dict[int, tuple[str, frozenset[str]]]) -> list[Run]:
        # A job may have been saved, or been given another place to watch, while files were looked for.
        known = {job_id: self._known.get(job_id, seen) for job_id, seen in found.items()}
        current = {job_id: seen for job_id, seen in found.items() if known[job_id][0] == seen[0]}
        arrived = {job_id: files - known[job_id][1] for job_id, (_, files) in current.items()}
        news = self._news(turn, arrived)
        queues = [self._due(job, turn, news.get(job.job_id)) for job in self._jobs.newest_first()]
        due = list(islice(heapq.merge(*queues, key=_order), MAX_FIRINGS + 1))
        if len(due) > MAX_FIRINGS:
            raise invalid_parameter(
                f"This turn of the clock starts more than {MAX_FIRINGS} runs. Turn it less far."
            )
        self._known.update(current)
        fired = {job.job_id for job, _ in due}
        self._waiting = {job_id: each for job_id, each in news.items() if job_id not in fired}
        started = []
        for job, firing in due:
            self.clock.turn_to(firing.time)
            run = self._launcher.fire(job, firing)
            if run is not None:
                started.append(run)
        self.clock.turn_to(turn.until)
        return started

    def _news(self, turn: Turn, arrived: Mapping[int, frozenset[str]]) -> dict[int, tuple[TriggerSpec, News]]:
        """What triggers know of, and have not started a run for, by job. One that is changed forgets it."""
        found = {}
        for job in self._jobs.newest_first():
            spec = job.spec.trigger
            if spec is None:
                continue
            waiting, before = self._waiting.get(job.job_id, (spec, None))
            seen = replace(turn, files=(*turn.files, *arrived.get(job.job_id, ())))
            news = news_of(spec, seen, before if waiting == spec else None)
            if news is not None:
                found[job.job_id] = spec, news
        return found

    def _due(
        self, job: Job, turn: Turn, news: tuple[TriggerSpec, News] | None
    ) -> Iterator[tuple[Job, Firing]]:
        spec = job.spec.trigger
        if spec is None or not job.spec.tasks:
            return
        runs = (run.spec for run in self._runs.of_job(job.job_id))
        last = max((run.trigger_time for run in runs if run.trigger == spec.type), default=0)
        for firing in firings(spec, turn, job.created_time, last, news[1] if news else None):
            yield job, firing


def _watched(job: Job) -> str:
    """Where a job waits for files; empty if it does not."""
    return job.spec.trigger.url if job.spec.trigger else ""


def _order(item: tuple[Job, Firing]) -> tuple[int, int]:
    job, firing = item
    return firing.time, job.number


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
