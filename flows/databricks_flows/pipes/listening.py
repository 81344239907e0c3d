"""Listens to the tasks of a run while they run: one listing a look, within a budget for the whole flow.

Listening never decides a result: a volume that is away costs a warning, and what is in it is heard later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.pipes.bootstrap import PipedTask, Session
from databricks_blocks.pipes.channel import Channel
from databricks_blocks.pipes.looking import discard, look, pause_between_looks
from databricks_blocks.pipes.reader import DirectoryReader, Look
from databricks_blocks.safe_text import one_line

from databricks_flows.pipes.stages import SILENT, Speaker, Stage
from databricks_flows.shared.telling import AnyLogger

SECONDS_TO_DRAIN = 15.0
"""After the end of a task, its last messages are waited for this long."""
SECONDS_OF_A_LOOK = 5.0
SECONDS_UNTIL_SENT = 4.0
"""Prefect sends lines of the log every two seconds. Files are deleted only when what they said was sent, so
that a process that is killed loses nothing."""


class Teller(Protocol):
    """Who is told what was heard."""

    async def tell(self, task_key: str, speaker: Speaker, look: Look) -> bool:
        """Tell what a look has brought; whether the results in it are kept."""


@dataclass
class _Voice:
    """A task, and how far it was heard."""

    task: PipedTask
    reader: DirectoryReader
    told_at: dict[str, float] = field(default_factory=dict)
    heard_attempts: int = 0
    ended_at: float | None = None
    has_spoken: bool = False
    is_looking: bool = False
    is_away: bool = False
    heard: asyncio.Event = field(default_factory=asyncio.Event)


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
        self._channel = channel
        self._session = session
        self._teller = teller
        self._logger = logger
        self._clock = clock
        self._sleep = sleep or self._rest
        self._speakers: Mapping[str, Speaker] = {}
        self._is_ending = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._voices = [
            _Voice(task, DirectoryReader(resumed=resumed, hint=task.hint)) for task in session.tasks
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
        self._speakers = speakers
        for voice in self._voices:
            if self._of(voice).attempts > voice.heard_attempts:
                voice.heard.clear()

    async def heard(self, task_key: str) -> None:
        """Wait until an attempt that has ended was heard to its end, or nobody listens any more."""
        for voice in self._voices:
            if voice.task.task_key == task_key and self._of(voice).attempts > voice.heard_attempts:
                await voice.heard.wait()

    async def finish(self, seconds: float = SECONDS_TO_DRAIN, *, cut_off: bool = False) -> bool:
        """Hear the end, after the run has ended, and say what is missing.

        Args:
            seconds: How long this may take.
            cut_off: Whether the run was cancelled, so that it is no wonder that something is missing.

        Returns:
            Whether the workspace answered, so that nothing is left in the files.
        """
        until = self._clock() + seconds
        try:
            # A look that hangs is given up.
            async with asyncio.timeout(seconds + SECONDS_OF_A_LOOK):
                await self._end_loop()
                while self._unheard():
                    await self._round()
                    left, unheard = until - self._clock(), len(self._unheard())
                    if left <= 0:
                        break
                    if unheard:
                        await self._sleep(min(pause_between_looks(unheard), left))
        except TimeoutError:
            self._logger.warning("The workspace does not answer in time")
        for voice in self._voices:
            if voice.has_spoken and not voice.is_looking:
                await self._hand_on(voice, voice.reader.finish(cut_off=cut_off))
        self._release()
        return not any(voice.is_looking or voice.is_away for voice in self._voices)

    async def leave(self) -> None:
        """Stop, and leave all that is there to a retry of the flow."""
        self._is_ending.set()
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
        self._release()

    async def _end_loop(self) -> None:
        self._is_ending.set()
        if self._loop is not None:
            # It may be in the middle of a look, which hands on what it has read.
            await asyncio.wait([self._loop])
            if not self._loop.cancelled() and (error := self._loop.exception()):
                # A fault of ours, and no reason to lose a run.
                self._logger.error("Listening broke off: %s", one_line(repr(error)), exc_info=error)

    async def _listen(self) -> None:
        while not self._is_ending.is_set():
            began = self._clock()
            looked_at = await self._round()
            await self._sleep(max(pause_between_looks(looked_at) - (self._clock() - began), 0.0))

    async def _rest(self, seconds: float) -> None:
        if self._is_ending.is_set():
            await asyncio.sleep(seconds)
            return
        try:
            await asyncio.wait_for(self._is_ending.wait(), seconds)
        except TimeoutError:
            return

    async def _round(self) -> int:
        """Look once at each task that speaks, or has just ended; how many there were."""
        looked_at = 0
        for voice in self._voices:
            speaker = self._of(voice)
            if speaker.stage is Stage.SPEAKING:
                voice.has_spoken, voice.ended_at = True, None
                await self._look(voice, over=False)
            elif self._is_unheard(voice):
                await self._look_at_the_end(voice, speaker)
            else:
                continue
            looked_at += 1
        return looked_at

    async def _look_at_the_end(self, voice: _Voice, speaker: Speaker) -> None:
        voice.has_spoken = True
        if voice.ended_at is None:
            voice.ended_at = self._clock()
        is_read = await self._look(voice, over=True)
        is_late = self._clock() - voice.ended_at >= SECONDS_TO_DRAIN
        # A workspace that is away keeps the messages: they are heard when it answers, or when the run ends.
        if is_read and (voice.reader.is_done or is_late):
            voice.heard_attempts, voice.ended_at = speaker.attempts, None
            voice.heard.set()

    async def _look(self, voice: _Voice, *, over: bool) -> bool:
        """Look at a task until nothing more is there; whether the workspace answered."""
        while True:
            voice.is_looking = True
            try:
                found = await asyncio.to_thread(
                    look, self._channel, voice.task.directory, voice.reader, over=over
                )
            except DatabricksJobError as error:
                voice.is_looking = False
                self._warn_once(voice, error)
                return False
            voice.is_looking = False
            if voice.is_away:
                voice.is_away = False
                self._logger.info("%s is heard again", _name(voice))
            await self._hand_on(voice, found)
            if not found.more:
                return True

    async def _hand_on(self, voice: _Voice, found: Look) -> None:
        """Tell what was heard, and delete what was told long enough ago."""
        is_kept = await self._teller.tell(voice.task.task_key, self._of(voice), found)
        now = self._clock()
        if is_kept:
            # A name that comes again is another file: of the next attempt.
            voice.told_at.update({received.chunk: now for received in found.received})
            for name in found.delete:
                voice.told_at.setdefault(name, now)
        due = tuple(name for name in found.delete if now - voice.told_at.get(name, now) >= SECONDS_UNTIL_SENT)
        if due:
            await asyncio.to_thread(discard, self._channel, voice.task.directory, Look(delete=due))
            for name in due:
                voice.told_at.pop(name, None)

    def _warn_once(self, voice: _Voice, error: DatabricksJobError) -> None:
        if not voice.is_away:
            voice.is_away = True
            self._logger.warning("%s cannot be heard for now: %s", _name(voice), one_line(str(error)))

    def _of(self, voice: _Voice) -> Speaker:
        return self._speakers.get(voice.task.task_key, SILENT)

    def _is_unheard(self, voice: _Voice) -> bool:
        speaker = self._of(voice)
        return speaker.stage is Stage.OVER and speaker.attempts > voice.heard_attempts

    def _unheard(self) -> list[_Voice]:
        return [voice for voice in self._voices if self._is_unheard(voice)]

    def _release(self) -> None:
        for voice in self._voices:
            voice.heard_attempts = max(voice.heard_attempts, self._of(voice).attempts)
            voice.heard.set()


def _name(voice: _Voice) -> str:
    return f"Task {voice.task.task_key}" if voice.task.task_key else "The code"
