"""Tells Prefect what code on Databricks says: lines, events, tables. Telling never decides a result."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

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
from databricks_blocks.pipes.received import Look, Received
from databricks_blocks.pipes.results import pipes_result
from databricks_blocks.private_prefect import log_at
from databricks_blocks.safe_text import one_line, printable
from prefect import get_run_logger
from prefect.artifacts import acreate_table_artifact
from prefect.events import emit_event

from databricks_flows.pipes.events import Origin, event_of
from databricks_flows.pipes.log_lines import pieces_of, with_growing_times
from databricks_flows.pipes.memory import Heard, Memory
from databricks_flows.pipes.message_calls import MessageCalls
from databricks_flows.pipes.result_table import ResultTable
from databricks_flows.pipes.tables import tables_in
from databricks_flows.shared.telling import NOT_TOLD, AnyLogger, Sender, tell

ASSETS_ARTIFACT = "databricks-assets"
CHECKS_ARTIFACT = "databricks-checks"
MOST_CUSTOM_MESSAGES = 10_000
"""Of one session; all are held in memory, and kept in Prefect."""
_MESSAGES_AT_ONCE = 100

_MADE = (ASSETS_ARTIFACT, "What the code on Databricks made")
_CHECKED = (CHECKS_ARTIFACT, "What the code on Databricks checked")
_KEPT = Materialization | AssetCheck | CustomMessage


@dataclass(frozen=True)
class Listener:
    """Who hears a task.

    Attributes:
        logger: Of the task run that shows it; of the flow run, where none does.
        origin: Where its messages come from.
        shows_errors: Whether the error of the task is shown there anyway, by what Databricks knows of it.
    """

    logger: AnyLogger
    origin: Origin
    shows_errors: bool = True


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
        self._heard: dict[tuple[str, str], Received] = {}
        self._unkept: list[Heard] = []
        self._keeping = asyncio.Lock()
        self._sender = Sender()
        self._calls = MessageCalls(pipes.on_message) if pipes.on_message else None
        self._tables = {Materialization: ResultTable(*_MADE), AssetCheck: ResultTable(*_CHECKED)}
        self._output_told: set[str] = set()
        self._has_failed: set[str] = set()
        self._customs = 0
        for task_key, received in heard:
            self._note(task_key, received)
        self._show_tables()

    @property
    def result(self) -> PipesResult:
        """All results so far, of earlier attempts of the flow run, too."""
        heard = [(task_key, received) for (task_key, _), received in self._heard.items()]
        return pipes_result(heard, self._pipes.partition_key)

    def is_output_told(self, task_key: str) -> bool:
        """Whether the task sent what it wrote to stdout or stderr."""
        return task_key in self._output_told

    def remember(self, heard: Iterable[Heard]) -> None:
        """Put what earlier attempts of the flow heard before all else.

        Args:
            heard: What they heard.
        """
        later, self._heard = self._heard, {}
        for task_key, received in heard:
            self._note(task_key, received)
        self._heard.update(later)

    def forget(self) -> None:
        """Forget the results so far: the whole job runs again."""
        self._heard.clear()
        self._unkept.clear()
        self._customs = 0
        self._memory.forget()
        for table in self._tables.values():
            table.clear()

    async def tell(self, task_key: str, look: Look, listener: Listener) -> None:
        """Tell what a look has brought.

        Args:
            task_key: The task that was listened to.
            look: What it said.
            listener: Who hears it.
        """
        for number, received in enumerate(with_growing_times(look.received), start=1):
            try:
                self._tell(task_key, received, listener)
            except Exception as error:  # noqa: BLE001 - one message, however odd, must not hide those after it
                self._warn_once("A message cannot be told", error)
            if number % _MESSAGES_AT_ONCE == 0:
                # The run is polled, and a cancel is noticed, between many lines.
                await asyncio.sleep(0)
        for warning in look.warnings:
            listener.logger.warning("%s: %s", f"Pipes of {task_key}" if task_key else "Pipes", warning)
        self._show_tables()

    async def keep(self) -> bool:
        """Keep the results for a retry of the flow; whether all are kept, and were given to `on_message`."""
        async with self._keeping:
            called = self._calls.take_called() if self._calls else []
            self._unkept += [one for one in called if (one[0], one[1].key) in self._heard]
            try:
                await self._memory.keep(self._unkept)
            except NOT_TOLD as error:
                self._warn_once("Prefect does not keep what was heard", error)
                return False
            self._unkept.clear()
            return self._calls is None or self._calls.is_idle

    async def sent(self, seconds: float) -> None:
        """Wait until all is sent, or could not be sent, and `on_message` was called.

        Args:
            seconds: How long `on_message` is waited for.
        """
        if self._calls and (left := await self._calls.ended(seconds)):
            get_run_logger().warning("%s messages were not given to on_message in time", left)
        await self._sender.sent()

    def _tell(self, task_key: str, received: Received, listener: Listener) -> None:
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
                write("DEBUG" if listener.shows_errors else "ERROR", exception.trace)
        if event := event_of(received, listener.origin):
            tell(f"the event {event['event']}", partial(emit_event, **event))
        if isinstance(message, _KEPT):
            self._remember(task_key, received, write)

    def _remember(self, task_key: str, received: Received, write: Callable[..., None]) -> None:
        message = received.message
        is_new = self._note(task_key, received)
        if isinstance(message, Materialization):
            write("INFO", f"Made {one_line(message.asset_key)}")
            self._show_metadata(message.asset_key, message)
        elif isinstance(message, AssetCheck):
            write(*_check_line(message))
            self._show_metadata(f"{message.asset_key} {message.check_name}", message)
        if is_new and isinstance(message, CustomMessage) and self._calls:
            # It is kept when the function was called: a retry calls it for what was not kept.
            self._calls.call((task_key, received))
        elif is_new:
            self._unkept.append((task_key, received))

    def _note(self, task_key: str, received: Received) -> bool:
        """Note a result; whether it is a new one."""
        is_new = (task_key, received.key) not in self._heard
        if isinstance(received.message, CustomMessage):
            self._customs += is_new
            if self._customs > MOST_CUSTOM_MESSAGES:
                self._warn_once(
                    f"More than {MOST_CUSTOM_MESSAGES:,} custom messages: those that follow are events, "
                    "and left out of the result"
                )
                return False
        self._heard[task_key, received.key] = received
        if is_new and (table := self._tables.get(type(received.message))):
            table.add(task_key, received)
        return is_new

    def _warn_once(self, what: str, error: Exception | None = None) -> None:
        if what not in self._has_failed:
            self._has_failed.add(what)
            get_run_logger().warning("%s%s", what, f": {one_line(repr(error))}" if error else "")

    def _show_metadata(self, name: str, message: Materialization | AssetCheck) -> None:
        for key, description, rows in tables_in(name, message.metadata):
            self._sender.send(
                f"the table {key}", acreate_table_artifact(rows, key=key, description=description)
            )

    def _show_tables(self) -> None:
        for table in self._tables.values():
            if table.has_news:
                self._sender.send(f"the table {table.key}", table.show(self._pipes.partition_key))


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
