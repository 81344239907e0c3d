"""The private API of Prefect that the project uses exists, with the parameters that it is given.

A test that fails here says by name what a new release of Prefect has changed.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import signal
from contextvars import ContextVar, copy_context
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from databricks_blocks.private_prefect import (
    async_dispatch,
    contexts_around,
    hand_over_sigterm,
    log_at,
    synchronous,
)
from prefect.logging.loggers import PrefectLogAdapter

SOURCES = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("module", "name", "parameters"),
    [
        ("prefect._internal.compatibility.async_dispatch", "async_dispatch", ["async_impl"]),
        (
            "prefect.utilities.engine",
            "emit_task_run_state_change_event",
            ["task_run", "initial_state", "validated_state"],
        ),
        (
            "logging",
            "Logger.makeRecord",
            ["self", "name", "level", "fn", "lno", "msg", "args", "exc_info", "func", "extra"],
        ),
        ("prefect.logging.loggers", "PrefectLogAdapter", ["logger", "extra"]),
    ],
)
def test_a_private_name_has_the_parameters_that_are_given_to_it(
    module: str, name: str, parameters: list[str]
) -> None:
    found: Any = import_module(module)
    for part in name.split("."):
        assert hasattr(found, part), f"{module}.{name} is gone: see databricks_blocks/private_prefect.py"
        found = getattr(found, part)
    known = inspect.signature(found).parameters
    needed = [
        parameter
        for parameter, value in known.items()
        if value.default is value.empty and value.kind is not value.VAR_KEYWORD
    ]
    assert set(needed) <= set(parameters) <= set(known), f"{module}.{name} takes {list(known)} now"


def test_async_dispatch_chooses_by_what_is_around_it_and_sync_by_the_caller() -> None:
    async def anewer() -> str:
        return "async"

    @async_dispatch(anewer)
    def answer() -> str:
        return "sync"

    async def ask() -> tuple[Any, str]:
        return await answer(), synchronous(answer)()

    assert answer() == "sync"
    assert asyncio.run(ask()) == ("async", "sync"), "async_dispatch or its `_sync` works in another way now"


@pytest.mark.parametrize("method", ["load", "save"])
def test_blocks_can_be_told_to_block(method: str) -> None:
    from prefect.blocks.core import Block

    dispatched = getattr(Block, method)
    assert hasattr(dispatched, "aio"), f"Block.{method} is no method that takes `_sync` now"


def test_all_contexts_around_are_found_the_innermost_first() -> None:
    from prefect.context import ContextModel

    class Nested(ContextModel):
        name: str
        __var__: ClassVar[ContextVar[Any]] = ContextVar("nested")

    def names() -> list[str]:
        return [context.name for context in contexts_around(Nested)]

    with Nested(name="outer"), Nested(name="inner"):
        assert copy_context().run(names) == ["inner", "outer"], "ContextModel._token works in another way now"
    assert names() == []


@pytest.mark.parametrize("hands_over", [True, False])
def test_prefect_answers_a_cancel_only_while_it_takes_the_handler_of_sigterm_for_its_own(
    hands_over: bool,
) -> None:
    from prefect.utilities.engine import can_ack_control_intent, capture_sigterm

    def handle(number: int, frame: Any) -> None:
        """Take the place of Prefect's handler."""

    with capture_sigterm():
        before = signal.signal(signal.SIGTERM, handle)
        if hands_over:
            hand_over_sigterm(before, handle)
        assert can_ack_control_intent() is hands_over
        signal.signal(signal.SIGTERM, before)
        hand_over_sigterm(handle, before)
        assert can_ack_control_intent()


def test_a_line_can_be_logged_as_of_another_time() -> None:
    records: list[logging.LogRecord] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    logger = logging.getLogger(f"prefect.of_a_test.{uuid4().hex}")
    logger.setLevel("INFO")
    logger.addHandler(Kept())
    log_at(PrefectLogAdapter(logger, {"flow_run_id": "a run"}), "WARNING", "late", 1_700_000_000.0)
    (record,) = records
    assert (record.getMessage(), record.levelname, record.created) == ("late", "WARNING", 1_700_000_000.0)
    assert record.flow_run_id == "a run"


def test_nothing_else_of_the_project_uses_what_is_private() -> None:
    private = re.compile(r"\bprefect\.(\w+\.)*_\w|from prefect[\w.]* import .*\b_|\b_sync=")
    found = [
        path.name
        for folder in ("flows", "blocks", "deployments/dbflow")
        for path in (SOURCES / folder).rglob("*.py")
        if private.search(path.read_text())
    ]
    assert found == ["private_prefect.py"]
