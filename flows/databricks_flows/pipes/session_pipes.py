"""Listens to the code of one session, whoever launches it, tells Prefect, and cleans up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from databricks_blocks.errors import DatabricksJobError, DatabricksRunRefused
from databricks_blocks.pipes.bootstrap import Session
from databricks_blocks.pipes.channel import Channel, open_channel
from databricks_blocks.pipes.looking import prepare
from databricks_blocks.pipes.pipes import Pipes, PipesResult
from databricks_blocks.pipes.received import Look
from databricks_blocks.safe_text import one_line
from databricks_blocks.workspace.polling import PollingPolicy, outlive
from prefect import get_client, get_run_logger
from prefect.logging.handlers import APILogHandler

from databricks_flows.job.call_identity import CallIdentity
from databricks_flows.pipes.events import Origin
from databricks_flows.pipes.listening import Listening
from databricks_flows.pipes.memory import Heard, Memory
from databricks_flows.pipes.report import Listener, PipesReport
from databricks_flows.pipes.stages import Speaker
from databricks_flows.shared.telling import NOT_TOLD, AnyLogger

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

LoggerOf = Callable[[str], Awaitable[AnyLogger | None]]
"""Finds the logger of the task run that shows a task; none: its lines go to the log of the flow run."""


_SECONDS_FOR_CALLS = 60.0
"""At the end, `on_message` is waited for this long."""


class SessionPipes:
    """Listens to one session."""

    def __init__(
        self, client: WorkspaceClient, pipes: Pipes, session: Session, *, logger_of: LoggerOf | None = None
    ) -> None:
        """Set up.

        Args:
            client: SDK client of the workspace.
            pipes: What the user asks for.
            session: The code that can speak.
            logger_of: Finds the log that the lines of a task go to; `None`: that of the flow run.
        """
        self._channel: Channel = open_channel(client, pipes)
        self._host = client.config.host
        self._pipes = pipes
        self._session = session
        self._logger_of = logger_of
        self._report: PipesReport | None = None
        self._listening: Listening | None = None
        self._untold: Memory | None = None
        self._making: asyncio.Task[None] | None = None
        self._sends_output = {task.task_key for task in session.tasks if task.parameters.include_stdio}

    async def prepare(self, call: CallIdentity, policy: PollingPolicy) -> None:
        """Make folders and contexts, before the code is launched, and remember what was heard before.

        In a retry the code may run already, and has to be watched: then nothing waits for the folders.

        Args:
            call: Where this happens.
            policy: For how long a workspace that is away is put up with.

        Raises:
            DatabricksRunRefused: There is no such volume, or no permission: code could not speak.
            DatabricksUnreachable: The workspace did not answer.
        """
        is_resumed = call.flow_run_count > 1
        making = partial(outlive, partial(asyncio.to_thread, prepare, self._channel, self._session), policy)
        if is_resumed:
            self._making = asyncio.create_task(self._prepared_later(making))
        else:
            try:
                await making()
            except DatabricksRunRefused as refused:
                raise DatabricksRunRefused(
                    f"pipes: {self._pipes.folder} cannot be used for messages, so nothing was launched: "
                    f"{refused}"
                ) from refused
        memory = Memory(self._session.directory, call.flow_run_ids[0])
        heard = await _remembered(memory) if is_resumed else []
        self._untold = memory if heard is None else None
        self._report = PipesReport(self._pipes, memory, heard or [])
        self._listening = Listening(self._channel, self._session, self, get_run_logger(), resumed=is_resumed)

    async def _prepared_later(self, making: Callable[[], Awaitable[None]]) -> None:
        try:
            await making()
        except DatabricksJobError as error:
            get_run_logger().warning(
                "%s cannot be used for messages; the run is watched without them: %s",
                self._pipes.folder,
                one_line(str(error)),
            )

    @property
    def task_keys(self) -> Sequence[str]:
        """Keys of the tasks that can speak."""
        return [task.task_key for task in self._session.tasks]

    @property
    def result(self) -> PipesResult:
        """What the code has said so far."""
        return self._report.result if self._report else PipesResult()

    @property
    def knows_all(self) -> bool:
        """Whether it is known what earlier attempts of the flow heard."""
        return self._untold is None

    def begin(self) -> None:
        """Begin to listen, in the background."""
        if self._listening:
            self._listening.begin()

    def take(self, now: Mapping[str, Speaker]) -> None:
        """Learn what the code does now."""
        if self._listening:
            self._listening.take(now)

    def forget(self) -> None:
        """Forget the results of a run that is replaced by one of the whole job."""
        if self._report:
            self._report.forget()

    async def answers(self) -> bool:
        """Whether Prefect takes what it is told: its log drops lines that come while the server is away."""
        async with get_client() as client:
            return await client.api_healthcheck() is None

    async def tell(self, task_key: str, speaker: Speaker, look: Look) -> bool:
        """Tell Prefect what was heard of a task; whether its results are kept for a retry."""
        if self._report is None:
            return False
        listener = await self._listener(task_key, speaker)
        received = tuple(replace(one, attempt=speaker.attempt_at(one.time)) for one in look.received)
        await self._report.tell(task_key, replace(look, received=received), listener)
        return await self._report.keep()

    async def is_output_told(self, task_key: str, run_id: int) -> bool:
        """Whether a task told its output while it ran; asked after an attempt, whose end is waited for."""
        # The only folder of an existing job is that of any of its tasks.
        key = task_key if task_key in self._sends_output else ""
        if self._report is None or key not in self._sends_output:
            return False
        if self._listening is not None:
            await self._listening.heard(task_key, run_id)
        return self._report.is_output_told(key)

    async def finish(self, seconds: float, *, may_run_again: bool = False, cut_off: bool = False) -> None:
        """Hear the end, send all, and clean up. Nothing of this fails the flow; a repeat does nothing.

        Args:
            seconds: How long the last messages are waited for.
            may_run_again: Whether the code may be repaired, also by hand: it needs its context then.
            cut_off: Whether the code was cancelled, so that it is no wonder that something is missing.
        """
        if self._listening and self._report:
            is_all_heard = await self._listening.finish(seconds, cut_off=cut_off)
            await self._report.sent(seconds if cut_off else _SECONDS_FOR_CALLS)
            # What the files said has to be in Prefect before they are gone.
            await APILogHandler.aflush()
            self._listening = None
            if self._untold and (before := await _remembered(self._untold)) is not None:
                self._report.remember(before)
                self._untold = None
            is_kept = await self._report.keep()
            # After a success there is no retry that would need the results.
            if is_all_heard and (is_kept or not may_run_again):
                await self.clean(may_run_again=may_run_again)
        await self._end_making()

    async def leave(self) -> None:
        """Stop, and leave all that is there to a retry of the flow."""
        if self._listening and self._report:
            await self._listening.leave()
            await self._report.sent(0.0)
            self._listening = None
        await self._end_making()

    async def break_off(self) -> None:
        """Hear what is there, and leave the rest to a retry of the flow: the code may go on."""
        if self._listening:
            await self._listening.hear_once()
        await self.leave()

    async def _end_making(self) -> None:
        if self._making is not None:
            self._making.cancel()
            await asyncio.wait([self._making])

    async def _listener(self, task_key: str, speaker: Speaker) -> Listener:
        latest = speaker.latest
        shown_as = task_key or (latest.task_key if latest else "")
        logger = await self._logger_of(shown_as) if self._logger_of else None
        origin = Origin(
            self._host,
            self._session.directory,
            shown_as,
            latest.run_page_url if latest else "",
            self._pipes.partition_key,
            _related(logger),
        )
        return Listener(logger or get_run_logger(), origin, shows_errors=logger is not None)

    async def clean(self, *, may_run_again: bool = False) -> None:
        """Delete the files of the session, and the folders, unless the code may run again.

        Args:
            may_run_again: Whether the code needs its context and its folders again.
        """
        directory = self._session.directory
        try:
            if may_run_again:
                for task in self._session.tasks:
                    await asyncio.to_thread(self._channel.clean, task.directory)
                    await asyncio.to_thread(self._channel.make, task.directory)
            else:
                # The contexts last: by them the sweep knows what a clean-up that fails leaves behind.
                for task in self._session.tasks:
                    await asyncio.to_thread(self._channel.clean, task.directory)
                await asyncio.to_thread(self._channel.clean, directory)
        except DatabricksJobError as error:
            get_run_logger().warning("Left for the flow sweep_leftovers: %s: %s", directory, error)


async def _remembered(memory: Memory) -> list[Heard] | None:
    """What was heard before; `None`: Prefect does not tell."""
    try:
        return await memory.read()
    except NOT_TOLD as error:
        get_run_logger().warning("Prefect does not tell what was heard before: %s", one_line(str(error)))
        return None


def _related(logger: Any) -> tuple[dict[str, str], ...]:
    """The task run whose log it is, as a related resource of an event."""
    extra = getattr(logger, "extra", None) or {}
    if not (task_run_id := extra.get("task_run_id")):
        return ()
    name = str(extra.get("task_run_name") or "")
    return (
        {
            "prefect.resource.id": f"prefect.task-run.{task_run_id}",
            "prefect.resource.role": "task-run",
            "prefect.resource.name": name,
        },
    )
