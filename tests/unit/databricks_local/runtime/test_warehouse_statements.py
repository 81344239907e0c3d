"""Statements in the process of a warehouse: cancels, failures, parameters."""

import errno
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest
from databricks_local.runtime.warehouse import statements as module
from databricks_local.runtime.warehouse.failures import failure_of
from databricks_local.runtime.warehouse.orders import Outcome, SessionOrder, StatementOrder
from databricks_local.runtime.warehouse.sessions import Sessions
from databricks_local.runtime.warehouse.statements import Statements
from databricks_local.runtime.warehouse.values import UnservedTypeError
from pyspark.errors import AnalysisException

ROWS = pa.table({"n": pa.array(range(100), pa.int64())})


class Engine:
    """A session of an engine that hears an interrupt only from the third on, as one that comes too early."""

    def __init__(self, parts: Callable[["Engine"], Iterator[Any]]) -> None:
        self.client = SimpleNamespace(to_table_as_iterator=lambda *_: parts(self))
        self.interrupts = 0
        self.heard = threading.Event()
        self.asked: list[dict[str, Any]] = []

    def sql(self, text: str, **arguments: Any) -> Any:
        self.asked.append(arguments)
        plan = SimpleNamespace(to_proto=lambda _: None, observations={})
        return SimpleNamespace(_plan=plan, schema=SimpleNamespace(fields=[]))

    def addTag(self, tag: str) -> None:  # noqa: N802 - as Spark has it
        """Nothing."""

    def interruptTag(self, tag: str) -> None:  # noqa: N802
        self.interrupts += 1
        if self.interrupts > 2:
            self.heard.set()

    def stop(self) -> None:
        """Nothing."""


def order(directory: Path) -> StatementOrder:
    return StatementOrder("one", "SELECT 1", [], SessionOrder("kept"), "JSON_ARRAY", str(directory), 100)


class Running:
    """The statements of a warehouse, and how they end."""

    def __init__(self, engine: Engine) -> None:
        self.ended: queue.Queue[Outcome] = queue.Queue()
        self.begun = threading.Event()
        sessions = Sessions(lambda: engine)
        self.statements = Statements(
            sessions, lambda _: self.begun.set(), lambda _, outcome: self.ended.put(outcome)
        )


def test_an_interrupt_is_repeated_until_the_engine_hears_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERRUPT_SECONDS", 0.01)

    def endless(engine: Engine) -> Iterator[Any]:
        assert engine.heard.wait(20)
        raise AnalysisException("operation was canceled")
        yield

    running = Running(Engine(endless))
    running.statements.begin(order(tmp_path / "result"))
    assert running.begun.wait(20)
    running.statements.cancel("one")
    assert running.ended.get(timeout=20) == Outcome("CANCELED")


def test_a_cancelled_statement_writes_nothing_more(tmp_path: Path) -> None:
    written, cancelled, closed = threading.Event(), threading.Event(), threading.Event()

    def deaf(_: Engine) -> Iterator[Any]:
        """An engine that never hears an interrupt."""
        try:
            yield ROWS
            written.set()
            assert cancelled.wait(20)
            while True:
                yield ROWS
        finally:
            closed.set()

    running = Running(Engine(deaf))
    directory = tmp_path / "result"
    running.statements.begin(order(directory))
    assert written.wait(20)
    assert directory.exists()
    running.statements.cancel("one")
    cancelled.set()
    assert running.ended.get(timeout=20) == Outcome("CANCELED")
    assert closed.is_set()
    assert not directory.exists()


def test_a_session_ends_after_what_is_executed_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERRUPT_SECONDS", 0.01)
    events: list[str] = []

    def endless(engine: Engine) -> Iterator[Any]:
        assert engine.heard.wait(20)
        events.append("ended")
        raise AnalysisException("operation was canceled")
        yield

    engine = Engine(endless)
    engine.stop = lambda: events.append("stopped")  # type: ignore[method-assign]
    running = Running(engine)
    running.statements.begin(order(tmp_path / "result"))
    assert running.begun.wait(20)
    running.statements.close("kept")
    assert running.ended.get(timeout=20) == Outcome("CANCELED")
    assert events == ["ended", "stopped"]
    # Its session was deleted while it waited.
    running.statements.begin(order(tmp_path / "result"))
    late = running.ended.get(timeout=20)
    assert (late.state, "closed before" in late.message) == ("FAILED", True)


def test_what_is_cut_is_not_calculated_further(tmp_path: Path) -> None:
    closed = threading.Event()

    def many(_: Engine) -> Iterator[Any]:
        try:
            while True:
                yield ROWS
        finally:
            closed.set()

    running = Running(Engine(many))
    running.statements.begin(
        StatementOrder("one", "SELECT 1", [], SessionOrder("s"), "CSV", str(tmp_path / "r"), 100, row_limit=3)
    )
    outcome = running.ended.get(timeout=20)
    assert (outcome.truncated, closed.is_set()) == (True, True)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (
            AnalysisException("divide by zero"),
            "BAD_REQUEST",
            "[DIVIDE_BY_ZERO] divide by zero SQLSTATE: 22012",
        ),
        (UnservedTypeError(pa.field("a", pa.int8())), "BAD_REQUEST", "cast it to STRING"),
        (KeyError(21), "INTERNAL_ERROR", "KeyError in the local workspace; see the log of the warehouse."),
        (
            OSError(errno.ENOSPC, "No space left on device", "/a/secret/path"),
            "INTERNAL_ERROR",
            "The local workspace cannot write: No space left on device.",
        ),
    ],
)
def test_failures(error: Exception, code: str, words: str) -> None:
    outcome = failure_of(error)
    assert (outcome.state, outcome.error_code) == ("FAILED", code)
    assert words in outcome.message
    assert "/a/secret" not in outcome.message


def test_a_parameter_without_type_is_text_also_without_a_value() -> None:
    given = [{"name": "a", "value": None, "type": ""}, {"name": "b", "value": "x", "type": ""}]
    arguments = cast(dict[str, Any], module._arguments(given)["args"])
    assert "CAST" in str(arguments["a"]).upper()
    assert "STRING" in str(arguments["a"]).upper()
    assert "CAST" not in str(arguments["b"]).upper()
