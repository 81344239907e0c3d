"""What is told of many messages, and of odd ones: Prefect's side is replaced by lists."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.pipes.protocol import (
    AnyMessage,
    Closed,
    CustomMessage,
    LogLine,
    Materialization,
    RemoteException,
)
from databricks_blocks.pipes.received import Look, Received
from databricks_flows.pipes import memory, message_calls, report, result_table
from databricks_flows.pipes.events import Origin
from databricks_flows.pipes.memory import Memory
from databricks_flows.pipes.report import Listener, PipesReport

VOLUME = "/Volumes/main/ops/pipes"
DIRECTORY = f"{VOLUME}/0123456789abcdef"
TIME = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
ORIGIN = Origin("https://adb-1.azuredatabricks.net", DIRECTORY, "load")
LOGGER = logging.getLogger("pipes_report")


class Prefect:
    """Takes artifacts and events."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.artifacts: dict[UUID, Any] = {}
        self.sent = 0
        self.queries: list[dict[str, Any]] = []
        for module in (memory, result_table):
            monkeypatch.setattr(module, "get_client", lambda: self)
        monkeypatch.setattr(result_table, "acreate_table_artifact", self._create_table)
        monkeypatch.setattr(report, "emit_event", lambda **event: None)
        for module in (report, message_calls):
            monkeypatch.setattr(module, "get_run_logger", lambda: LOGGER)
        monkeypatch.setattr("databricks_flows.shared.telling.get_run_logger", lambda: LOGGER)

    async def __aenter__(self) -> Prefect:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def create_artifact(self, artifact: Any) -> Any:
        self.sent += len(artifact.data)
        artifact_id = uuid4()
        self.artifacts[artifact_id] = artifact
        return type("Created", (), {"id": artifact_id})

    async def update_artifact(self, artifact_id: UUID, change: Any) -> None:
        self.sent += len(change.data)
        self.artifacts[artifact_id] = self.artifacts[artifact_id].model_copy(update={"data": change.data})

    async def read_artifacts(self, *, artifact_filter: Any, limit: int, offset: int, sort: Any) -> list[Any]:
        (key,) = artifact_filter.key.any_
        found = [one for one in reversed(self.artifacts.values()) if one.key == key]
        return found[offset : offset + limit]

    async def _create_table(self, rows: list[Any], **_: Any) -> UUID:
        self.sent += len(str(rows))
        artifact_id = uuid4()
        self.artifacts[artifact_id] = memory.ArtifactCreate(key="table", data=str(rows))
        return artifact_id


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> Prefect:
    return Prefect(monkeypatch)


def look_of(*messages: AnyMessage, first: int = 1) -> Look:
    return Look(
        tuple(
            Received(message, 1, "1.json", number, TIME, f"k{number}")
            for number, message in enumerate(messages, start=first)
        )
    )


def report_of(on_message: Callable[[Any], Any] | None = None) -> PipesReport:
    return PipesReport(Pipes(volume=VOLUME, on_message=on_message), Memory(DIRECTORY, uuid4()))


@pytest.mark.parametrize("make", [CustomMessage, lambda text: Materialization(f"main/{text}")])
def test_what_is_sent_grows_with_the_messages_and_not_with_their_square(
    prefect: Prefect, make: Callable[[str], AnyMessage]
) -> None:
    made = [make("x" * 50 + str(number)) for number in range(5000)]

    async def tell() -> list[Any]:
        told = report_of()
        for number in range(0, 5000, 100):
            await told.tell(
                "load", look_of(*made[number : number + 100], first=number), Listener(LOGGER, ORIGIN)
            )
            assert await told.keep()
            await told.sent(1)
        return await Memory(DIRECTORY, uuid4()).read()

    kept = asyncio.run(tell())
    assert [received.message for _, received in kept] == made
    content = len(memory.write_memory(DIRECTORY, kept))
    assert prefect.sent < 10 * content


def test_an_empty_look_sends_nothing(prefect: Prefect) -> None:
    async def tell() -> int:
        told = report_of()
        await told.tell("load", look_of(Materialization("a")), Listener(LOGGER, ORIGIN))
        assert await told.keep()
        await told.sent(1)
        before = prefect.sent
        await told.tell("load", Look(), Listener(LOGGER, ORIGIN))
        assert await told.keep()
        await told.sent(1)
        return prefect.sent - before

    assert asyncio.run(tell()) == 0


def test_custom_messages_have_a_limit_that_is_told(
    prefect: Prefect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(report, "MOST_CUSTOM_MESSAGES", 3)

    async def tell() -> int:
        told = report_of()
        await told.tell("load", look_of(*map(CustomMessage, range(5))), Listener(LOGGER, ORIGIN))
        return len(told.result.messages)

    assert asyncio.run(tell()) == 3
    assert sum("More than 3 custom messages" in record.getMessage() for record in caplog.records) == 1


def test_on_message_holds_up_no_line_and_a_message_is_kept_once_it_was_called(prefect: Prefect) -> None:
    async def tell() -> None:
        may_go = asyncio.Event()
        called: list[Any] = []

        async def on_message(payload: Any) -> None:
            await may_go.wait()
            called.append(payload)

        told = report_of(on_message)
        await told.tell("load", look_of(CustomMessage("one"), CustomMessage("two")), Listener(LOGGER, ORIGIN))
        assert not await told.keep()
        may_go.set()
        await told.sent(5)
        assert called == ["one", "two"]
        assert await told.keep()
        assert len(await Memory(DIRECTORY, uuid4()).read()) == 2

    asyncio.run(asyncio.wait_for(tell(), 20))


def test_results_of_a_run_that_was_replaced_are_forgotten_also_by_a_retry(prefect: Prefect) -> None:
    async def tell() -> None:
        told = report_of()
        await told.tell("load", look_of(Materialization("stale")), Listener(LOGGER, ORIGIN))
        await told.keep()
        told.forget()
        await told.tell("load", look_of(Materialization("new"), first=7), Listener(LOGGER, ORIGIN))
        await told.keep()
        assert [made.asset_key for made in told.result.assets] == ["new"]
        (kept,) = await Memory(DIRECTORY, uuid4()).read()
        assert kept[1].message == Materialization("new")

    asyncio.run(tell())


def test_the_memory_of_a_session_is_found_among_many_others(prefect: Prefect) -> None:
    async def keep() -> int:
        told = report_of()
        await told.tell("load", look_of(Materialization("mine")), Listener(LOGGER, ORIGIN))
        await told.keep()
        heard = ("load", Received(Materialization("other"), 1, "1.json", 1, TIME, "k1"))
        for number in range(250):
            await Memory(f"{VOLUME}/{number}", uuid4()).keep([heard])
        return len(await Memory(DIRECTORY, uuid4()).read())

    assert asyncio.run(keep()) == 1


@pytest.mark.parametrize(("shows_errors", "level"), [(True, logging.DEBUG), (False, logging.ERROR)])
def test_the_trace_of_an_exception_is_an_error_where_nothing_else_shows_it(
    prefect: Prefect, monkeypatch: pytest.MonkeyPatch, *, shows_errors: bool, level: int
) -> None:
    lines: list[tuple[str, str]] = []
    monkeypatch.setattr(LOGGER, "level", logging.DEBUG)
    monkeypatch.setattr(
        report, "log_at", lambda logger, level, text, at, *, name: lines.append((level, text))
    )
    error = RemoteException("it broke", ("  File a.py, in load_sales\n",), "ValueError")

    async def tell() -> None:
        listener = Listener(LOGGER, ORIGIN, shows_errors=shows_errors)
        await report_of().tell("load", look_of(Closed(error)), listener)

    asyncio.run(tell())
    assert [level for level, text in lines if "load_sales" in text] == [logging.getLevelName(level)]


def test_many_lines_do_not_stop_the_event_loop(prefect: Prefect) -> None:
    gaps: list[float] = []

    async def tick() -> None:
        while True:
            began = time.process_time()
            await asyncio.sleep(0)
            gaps.append(time.process_time() - began)

    async def tell() -> None:
        ticking = asyncio.create_task(tick())
        await asyncio.sleep(0)
        lines = look_of(*(LogLine("x" * 100, "INFO") for _ in range(5000)))
        await report_of().tell("load", lines, Listener(LOGGER, ORIGIN))
        ticking.cancel()

    asyncio.run(tell())
    assert len(gaps) >= 40
    assert max(gaps) < 0.5


def test_a_message_that_cannot_be_told_hides_none_after_it(
    prefect: Prefect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def event_of(received: Received, origin: Origin) -> None:
        if received.line == 1:
            raise TypeError("odd")

    monkeypatch.setattr(report, "event_of", event_of)

    async def tell() -> int:
        told = report_of()
        await told.tell("load", look_of(Materialization("a"), Materialization("b")), Listener(LOGGER, ORIGIN))
        return len(told.result.assets)

    assert asyncio.run(tell()) == 1
    assert "A message cannot be told: TypeError('odd')" in caplog.text
