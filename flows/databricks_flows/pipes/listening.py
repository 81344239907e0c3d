"""Listens to the tasks of a run while they run: one listing a look, within a budget for the whole flow.

Listening never decides a result: a volume that is away costs a warning, and what is in it is heard later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from databricks_blocks.pipes.bootstrap import Session
from databricks_blocks.pipes.channel import Channel
from databricks_blocks.pipes.looking import pause_between_looks
from databricks_blocks.safe_text import one_line

from databricks_flows.pipes.stages import SILENT, Speaker, Stage
from databricks_flows.pipes.voice import Teller, Voice
from databricks_flows.shared.telling import AnyLogger

SECONDS_TO_DRAIN = 15.0
"""After the end of a task, its last messages are waited for this long."""
SECONDS_OF_A_LOOK = 5.0
_LOOKS_AT_ONCE = 4
"""Fewer than the threads of the process, which the run is polled with, too."""


class Listening:
    """Listens to the tasks of one session."""

    def __init__(
        self,
        channel: Channel,
        session: Session,
        teller: Teller,
        logger: AnyLogger,
        *,
        resumed: bool,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        """Set up; nothing is looked at yet.

        Args:
            channel: Where the messages are.
            session: The tasks.
            teller: Is told what was heard.
            logger: Gets a warning when the workspace is away.
            resumed: Whether an earlier process may have listened.
            clock: Seconds that only grow.
            sleep: Waits for a number of seconds. `None`: or until there is something to do at once.
        """
        self._folder = session.directory
        self._logger = logger
        self._clock = clock
        self._sleep = sleep or self._rest
        self._gate = asyncio.Semaphore(_LOOKS_AT_ONCE)
        self._changed = asyncio.Event()
        self._is_ending = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._voices = [
            Voice(task, channel, teller, logger, resumed=resumed, clock=clock) for task in session.tasks
        ]

    @property
    def task_keys(self) -> Sequence[str]:
        """Keys of the tasks that can speak."""
        return [voice.task.task_key for voice in self._voices]

    def begin(self) -> None:
        """Begin to listen, in the background."""
        if self._loop is None and self._voices:
            self._loop = asyncio.create_task(self._listen())

    def take(self, speakers: Mapping[str, Speaker]) -> None:
        """Learn what the tasks do now."""
        for voice in self._voices:
            voice.speaker = speakers.get(voice.task.task_key, SILENT)

    async def heard(self, task_key: str, run_id: int) -> None:
        """Wait until an attempt that has ended was heard to its end, or for as long as its end is waited for.

        Args:
            task_key: The task.
            run_id: Id of the attempt.
        """
        voices = [voice for voice in self._voices if voice.task.task_key in ("", task_key)]
        try:
            async with asyncio.timeout(SECONDS_TO_DRAIN + SECONDS_OF_A_LOOK):
                for voice in voices:
                    while run_id in voice.speaker.run_ids - voice.heard_runs:
                        await self._changed.wait()
        except TimeoutError:
            return

    async def finish(self, seconds: float = SECONDS_TO_DRAIN, *, cut_off: bool = False) -> bool:
        """Hear the end, after the run has ended, and say what is missing.

        Args:
            seconds: How long nothing may come before this is given up; a backlog that shrinks is waited for.
            cut_off: Whether the run was cancelled. Then this takes no longer, whatever is left, and it is no
                wonder that something is missing.

        Returns:
            Whether all was heard, so that nothing is left in the files.
        """
        self._is_ending.set()
        last = self._clock() + seconds if cut_off else None
        until, progress = self._clock() + seconds, self._progress
        is_whole = await self._worked(self._loop, seconds, last)
        while is_whole and self._unheard():
            is_whole = await self._worked(asyncio.ensure_future(self._round()), seconds, last)
            if self._progress != progress:
                until, progress = self._clock() + seconds, self._progress
            left = min(until, last or until) - self._clock()
            if left <= 0:
                break
            if unheard := len(self._unheard()):
                await self._sleep(min(pause_between_looks(unheard), left))
        return await self._say_what_is_left(cut_off=cut_off)

    async def leave(self) -> None:
        """Stop, and leave all that is there to a retry of the flow."""
        self._is_ending.set()
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
        self._release()

    async def hear_once(self) -> None:
        """Hear what is there now, before all is left to a retry of the flow."""
        self._is_ending.set()
        if await self._worked(self._loop, SECONDS_OF_A_LOOK, None):
            await self._worked(asyncio.ensure_future(self._round()), SECONDS_OF_A_LOOK, None)

    async def _worked(self, work: asyncio.Future[Any] | None, seconds: float, last: float | None) -> bool:
        """Wait for work to end, as long as it goes on; whether it has ended.

        What has read hands it on, so it is not broken off before.
        """
        if work is None:
            return True
        while True:
            progress = self._progress
            most = seconds + SECONDS_OF_A_LOOK
            limit = most if last is None else max(0.0, min(most, last + SECONDS_OF_A_LOOK - self._clock()))
            done, _ = await asyncio.wait([work], timeout=limit)
            if done:
                break
            if self._progress == progress or last is not None:
                work.cancel()
                await asyncio.wait([work])
                return False
        if not work.cancelled() and (error := work.exception()):
            # A fault of ours, and no reason to lose a run.
            self._logger.error("Listening broke off: %s", one_line(repr(error)), exc_info=error)
        return True

    async def _listen(self) -> None:
        while not self._is_ending.is_set():
            began = self._clock()
            pause = pause_between_looks(*await self._round())
            await self._sleep(max(pause - (self._clock() - began), 0.0))

    async def _rest(self, seconds: float) -> None:
        if self._is_ending.is_set():
            await asyncio.sleep(seconds)
            return
        try:
            await asyncio.wait_for(self._is_ending.wait(), seconds)
        except TimeoutError:
            return

    async def _round(self) -> tuple[int, int]:
        """Look once at each task that speaks, or has just ended; how many there were, and requests."""
        due = [voice for voice in self._voices if not voice.is_looking and _is_due(voice)]
        requests = await asyncio.gather(*(self._look_at(voice) for voice in due))
        return len(due), sum(requests)

    async def _look_at(self, voice: Voice) -> int:
        async with self._gate:
            speaker = voice.speaker
            is_over = speaker.stage is Stage.OVER
            if not is_over:
                voice.ended_at = None
            elif voice.ended_at is None:
                voice.ended_at = self._clock()
            requests = await voice.look(over=is_over)
            # A workspace that is away keeps the messages: they are heard when it answers, or at the end.
            if requests is None:
                return 1
            is_late = voice.ended_at is not None and self._clock() - voice.ended_at >= SECONDS_TO_DRAIN
            if not is_over:
                # While the next attempt speaks, what those before it wrote was read.
                self._note_heard(voice, speaker.ended)
            elif voice.is_done or is_late:
                self._note_heard(voice, speaker.run_ids)
                voice.ended_at = None
            return requests

    async def _say_what_is_left(self, *, cut_off: bool) -> bool:
        is_all_heard = True
        for voice in self._voices:
            if voice.speaker.run_ids and not voice.left:
                await voice.end(cut_off=cut_off)
            if left := voice.left:
                is_all_heard = False
                self._logger.warning("%s: %s; it stays in %s", voice.name, left, self._folder)
        self._release()
        return is_all_heard

    @property
    def _progress(self) -> list[tuple[int, int]]:
        return [voice.progress for voice in self._voices]

    def _unheard(self) -> list[Voice]:
        return [voice for voice in self._voices if _is_unheard(voice)]

    def _note_heard(self, voice: Voice, runs: frozenset[int]) -> None:
        voice.heard_runs |= runs
        self._wake()

    def _release(self) -> None:
        for voice in self._voices:
            voice.heard_runs |= voice.speaker.run_ids
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _is_unheard(voice: Voice) -> bool:
    return voice.speaker.stage is Stage.OVER and not voice.speaker.run_ids <= voice.heard_runs


def _is_due(voice: Voice) -> bool:
    return voice.speaker.stage is Stage.SPEAKING or _is_unheard(voice)
