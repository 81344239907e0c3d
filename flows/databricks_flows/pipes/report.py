"""Tells Prefect what code on Databricks says: lines, events, tables. Telling never decides a result."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from databricks_blocks.pipes.pipes import Pipes, PipesResult
from databricks_blocks.pipes.protocol import (
    AssetCheck,
    Closed,
    CustomMessage,
    LogLine,
    Materialization,
    Opened,
    StreamText,
)
from databricks_blocks.pipes.reader import Look, Received
from databricks_blocks.pipes.results import pipes_result
from databricks_blocks.private_prefect import log_at
from databricks_blocks.safe_text import one_line, printable
from prefect import get_client, get_run_logger
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.events import emit_event
from prefect.exceptions import EventTooLarge

from databricks_flows.pipes.events import Origin, event_of
from databricks_flows.pipes.log_lines import pieces_of, with_growing_times
from databricks_flows.pipes.memory import Heard, Memory
from databricks_flows.pipes.tables import asset_row, check_row, tables_in
from databricks_flows.shared.telling import NOT_TOLD, AnyLogger, Sender, tell

ASSETS_ARTIFACT = "databricks-assets"
CHECKS_ARTIFACT = "databricks-checks"

_KEPT = Materialization | AssetCheck | CustomMessage


@dataclass(frozen=True)
class Listener:
    """Who hears a task.

    Attributes:
        logger: Of the task run that shows it; of the flow run, where none does.
        origin: Where its messages come from.
    """

    logger: AnyLogger
    origin: Origin


class PipesReport:
    """Tells what was heard in one session, and remembers what is a result."""

    def __init__(self, pipes: Pipes, memory: Memory, heard: Iterable[Heard] = ()) -> None:
        """Set up.

        Args:
            pipes: What the user asks for.
            memory: Keeps what was heard.
            heard: What earlier attempts of the flow run heard.
        """
        self._pipes = pipes
        self._memory = memory
        self._heard: dict[tuple[str, str], Received] = {(key, one.key): one for key, one in heard}
        self._is_kept = not self._heard
        self._sender = Sender()
        self._artifacts: dict[str, UUID] = {}
        self._shown: dict[str, int] = {}
        self._output_told: set[str] = set()
        self._memory_fails = False
        if self._heard:
            self._show_tables()

    @property
    def result(self) -> PipesResult:
        """All results so far, of earlier attempts of the flow run, too."""
        heard = [(task_key, received) for (task_key, _), received in self._heard.items()]
        return pipes_result(heard, self._pipes.partition_key)

    def is_output_told(self, task_key: str) -> bool:
        """Whether the task sent what it wrote to stdout or stderr."""
        return task_key in self._output_told

    async def tell(self, task_key: str, look: Look, listener: Listener) -> None:
        """Tell what a look has brought.

        Args:
            task_key: The task that was listened to.
            look: What it said.
            listener: Who hears it.
        """
        for received in with_growing_times(look.received):
            await self._tell(task_key, received, listener)
        for warning in look.warnings:
            listener.logger.warning("%s: %s", f"Pipes of {task_key}" if task_key else "Pipes", warning)
        self._show_tables()

    async def keep(self) -> bool:
        """Keep the results for a retry of the flow; whether all are kept."""
        if not self._is_kept:
            try:
                await self._memory.keep([(key, one) for (key, _), one in self._heard.items()])
            except NOT_TOLD as error:
                if not self._memory_fails:
                    get_run_logger().warning("Prefect does not keep what was heard: %s", one_line(str(error)))
                self._memory_fails = True
                return False
            self._is_kept, self._memory_fails = True, False
        return True

    async def sent(self) -> None:
        """Wait until all is sent, or could not be sent."""
        await self._sender.sent()

    async def _tell(self, task_key: str, received: Received, listener: Listener) -> None:
        message = received.message
        write = partial(_write, listener.logger, task_key, received)
        match message:
            case LogLine():
                write(message.level, message.message)
            case StreamText():
                self._output_told.add(task_key)
                for piece in pieces_of(message.text):
                    write("INFO", piece, suffix=f".{one_line(message.stream)}")
            case Opened():
                write("DEBUG", f"Attempt {received.attempt} began to tell")
            case Closed(exception=None):
                write("DEBUG", f"Attempt {received.attempt} has told all")
            case Closed(exception=exception) if exception is not None:
                write("ERROR", f"The code raised {one_line(exception.message)}")
                write("DEBUG", exception.trace)
        if event := event_of(received, listener.origin):
            tell(f"the event {event['event']}", partial(emit_event, **event))
        if isinstance(message, _KEPT):
            await self._remember(task_key, received, write)

    async def _remember(self, task_key: str, received: Received, write: Callable[..., None]) -> None:
        message = received.message
        known = (task_key, received.key) in self._heard
        self._heard[task_key, received.key] = received
        self._is_kept = False
        if isinstance(message, Materialization):
            write("INFO", f"Made {one_line(message.asset_key)}")
            self._show_metadata(message.asset_key, message)
        elif isinstance(message, AssetCheck):
            write(*_check_line(message))
            self._show_metadata(f"{message.asset_key} {message.check_name}", message)
        elif isinstance(message, CustomMessage) and not known and self._pipes.on_message:
            await _call(self._pipes.on_message, message.payload)

    def _show_metadata(self, name: str, message: Materialization | AssetCheck) -> None:
        for key, description, rows in tables_in(name, message.metadata):
            self._sender.send(
                f"the table {key}", acreate_table_artifact(rows, key=key, description=description)
            )

    def _show_tables(self) -> None:
        result = self.result
        assets = [asset_row(made) for made in result.assets]
        checks = [check_row(check) for check in result.checks]
        self._show(ASSETS_ARTIFACT, "What the code on Databricks made", assets)
        self._show(CHECKS_ARTIFACT, "What the code on Databricks checked", checks)

    def _show(self, key: str, description: str, rows: Sequence[dict[str, Any]]) -> None:
        if len(rows) != self._shown.get(key, 0):
            self._shown[key] = len(rows)
            self._sender.send(f"the table {key}", self._show_table(key, description, rows))

    async def _show_table(self, key: str, description: str, rows: Sequence[dict[str, Any]]) -> None:
        if key not in self._artifacts:
            created = await acreate_table_artifact(list(rows), key=key, description=description)
            self._artifacts[key] = created
            return
        async with get_client() as client:
            try:
                await client.update_artifact(self._artifacts[key], ArtifactUpdate(data=json.dumps(rows)))
            except EventTooLarge:
                # It is shown; only the event about it, which nobody needs, is too large.
                return


def _write(
    logger: AnyLogger, task_key: str, received: Received, level: str, text: str, *, suffix: str = ""
) -> None:
    """Write a line to the log of the task run, as of the time when it was said."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    if not logger.isEnabledFor(number):
        return
    name = one_line(received.message.logger) or ".".join(filter(None, ("databricks", task_key)))
    level = logging.getLevelName(number)
    log_at(logger, level, printable(text), received.time.timestamp(), name=f"{name}{suffix}")


def _check_line(check: AssetCheck) -> tuple[str, str]:
    what = f"Check {one_line(check.check_name)} of {one_line(check.asset_key)}"
    if check.passed:
        return "INFO", f"{what} passed"
    return ("ERROR" if check.severity == "ERROR" else "WARNING"), f"{what} failed"


async def _call(function: Callable[[Any], Any], payload: Any) -> None:
    """Call a function of the user's; a sync one in a thread, so that it holds nothing up."""
    try:
        if inspect.iscoroutinefunction(function):
            await function(payload)
            return
        answer = await asyncio.to_thread(function, payload)
        if isinstance(answer, Awaitable):
            await answer
    except Exception:  # noqa: BLE001 - code of the user's; an error in it is no reason to end a run
        get_run_logger().exception("on_message failed; the run goes on")
