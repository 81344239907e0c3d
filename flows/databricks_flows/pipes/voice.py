"""One task that is listened to: reads what has come, hands it on, and deletes what was sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.pipes.bootstrap import PipedTask
from databricks_blocks.pipes.channel import Channel
from databricks_blocks.pipes.looking import look
from databricks_blocks.pipes.reader import DirectoryReader
from databricks_blocks.pipes.received import Look
from databricks_blocks.safe_text import one_line

from databricks_flows.pipes.stages import SILENT, Speaker
from databricks_flows.shared.telling import AnyLogger

SECONDS_UNTIL_SENT = 4.0
"""Prefect sends lines of the log every two seconds. Files are deleted only when what they said was sent, so
that a process that is killed loses nothing."""
_MESSAGES_OF_A_PIECE = 100


class Teller(Protocol):
    """Who is told what was heard."""

    async def answers(self) -> bool:
        """Whether it can be told anything now."""

    async def tell(self, task_key: str, speaker: Speaker, look: Look) -> bool:
        """Tell what a look has brought; whether the results in it are kept."""


class Voice:
    """A task, and how far it was heard."""

    def __init__(
        self,
        task: PipedTask,
        channel: Channel,
        teller: Teller,
        logger: AnyLogger,
        *,
        resumed: bool,
        clock: Callable[[], float],
    ) -> None:
        """Set up; nothing is looked at yet.

        Args:
            task: The task.
            channel: Where its messages are.
            teller: Is told what was heard.
            logger: Gets a warning when the task cannot be heard.
            resumed: Whether an earlier process may have listened.
            clock: Seconds that only grow.
        """
        folder = task.directory
        rights = f"Whoever it runs as needs READ VOLUME and WRITE VOLUME for {folder}"
        if not folder.startswith("/Volumes/"):
            rights = f"Whoever it runs as has to be able to read and write dbfs:{folder}"
        self.task = task
        self.speaker = SILENT
        self.heard_runs: frozenset[int] = frozenset()
        self._read_runs: frozenset[int] = frozenset()
        self.ended_at: float | None = None
        self.is_looking = False
        self.steps = 0
        self._reader = DirectoryReader(resumed=resumed, hint=f"{task.hint}. {rights}".removeprefix(". "))
        self._channel = channel
        self._teller = teller
        self._logger = logger
        self._clock = clock
        self._waiting: deque[Look] = deque()
        self._untold: set[str] = set()
        self._told_at: dict[str, float] = {}
        self._trouble = ""

    @property
    def name(self) -> str:
        """The task, for the log."""
        return f"Task {self.task.task_key}" if self.task.task_key else "The code"

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to be expected of a task that has ended."""
        has_nothing_to_say = not self.speaker.has_worked and not self._reader.has_heard
        return has_nothing_to_say or self._reader.is_done

    @property
    def progress(self) -> tuple[int, int]:
        """Grows with each file that is read, and each piece that is handed on."""
        return self._reader.files_read, self.steps

    @property
    def left(self) -> str:
        """What of it was not heard, for the log; empty: nothing."""
        if not self.speaker.run_ids:
            return ""
        if self._reader.unread or self._waiting:
            count = max(self._reader.unread, 1)
            return f"{count} {'file is' if count == 1 else 'files are'} not told yet"
        if self.is_looking or self._trouble or not self.speaker.run_ids <= self.heard_runs | self._read_runs:
            return "what it said last may not be read yet"
        return ""

    async def look(self, *, over: bool) -> int | None:
        """Look until nothing more is there; how many requests this took, or `None`: not all was heard.

        Args:
            over: Whether the task has ended, so that nothing more is written.
        """
        requests, runs = 0, self.speaker.run_ids
        try:
            while True:
                if not await self._hand_on():
                    return None
                now = self._clock()
                due = frozenset(name for name, at in self._told_at.items() if now - at >= SECONDS_UNTIL_SENT)
                found = await self._read(due, over=over)
                requests += 1 + len(found.deleted) + len(found.read)
                # A name that comes again is another file: of the next attempt.
                for name in (*found.deleted, *found.read):
                    self._told_at.pop(name, None)
                self._untold.update(found.read)
                self._waiting.extend(_pieces(found))
                if not await self._hand_on():
                    return None
                if not found.more:
                    self._note_trouble("")
                    if over:
                        self._read_runs |= runs
                    return requests
        except DatabricksJobError as error:
            self._note_trouble(one_line(str(error)))
        except Exception as error:  # noqa: BLE001 - a fault of ours ends no run, and the other tasks are heard
            self._note_trouble(one_line(repr(error)), error)
        return None

    async def end(self, *, cut_off: bool) -> None:
        """Say what is missing; all was heard, and nobody looks any more.

        Args:
            cut_off: Whether the run was cancelled, so that it is no wonder that something is missing.
        """
        is_expected = self.speaker.has_worked or self._reader.has_heard
        try:
            self._waiting.extend(_pieces(self._reader.finish(cut_off=cut_off or not is_expected)))
            await self._hand_on()
        except Exception as error:  # noqa: BLE001 - as in `look`
            self._note_trouble(one_line(repr(error)), error)

    async def _read(self, due: frozenset[str], *, over: bool) -> Look:
        self.is_looking = True
        directory = self.task.directory
        reading = asyncio.ensure_future(
            asyncio.to_thread(look, self._channel, directory, self._reader, over=over, due=due)
        )
        # A look that is given up goes on in its thread; the reader is its own until then.
        reading.add_done_callback(self._note_end_of_look)
        return await asyncio.shield(reading)

    def _note_end_of_look(self, reading: asyncio.Future[Look]) -> None:
        self.is_looking = False
        if not reading.cancelled():
            # Whoever has given it up does not ask, and Python would say so.
            reading.exception()

    async def _hand_on(self) -> bool:
        """Tell what was read; what is not told, also because of a cancel, waits for the next time."""
        if self._waiting and not await self._teller.answers():
            return False
        while self._waiting:
            piece = self._waiting[0]
            is_kept = await self._teller.tell(self.task.task_key, self.speaker, piece)
            self._waiting.popleft()
            self.steps += 1
            if is_kept and not self._waiting:
                self._told_at.update(dict.fromkeys(self._untold, self._clock()))
                self._untold.clear()
        return True

    def _note_trouble(self, trouble: str, error: Exception | None = None) -> None:
        if trouble and not self._trouble:
            log = self._logger.error if error else self._logger.warning
            log("%s cannot be heard for now: %s", self.name, trouble, exc_info=error)
        if self._trouble and not trouble:
            self._logger.info("%s is heard again", self.name)
        self._trouble = trouble


def _pieces(found: Look) -> Iterator[Look]:
    """Cut what was heard into pieces, so that a cancel, or a fault, repeats little."""
    starts = range(0, len(found.received), _MESSAGES_OF_A_PIECE)
    for start in starts[:-1]:
        yield Look(found.received[start : start + _MESSAGES_OF_A_PIECE])
    last = found.received[starts[-1] :] if starts else ()
    if last or found.warnings or found.delete:
        yield replace(found, received=last)
