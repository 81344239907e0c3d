"""A console that nobody reads any more ends no flow."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator

import pytest
from databricks_flows.ending.interruption import noticing_termination
from prefect.logging.handlers import PrefectConsoleHandler


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A logger that prints to a pipe whose reader is gone."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as stream:
        handler = PrefectConsoleHandler(stream)
        logger = logging.getLogger("nobody reads")
        logger.addHandler(handler)
        yield logger
        logger.removeHandler(handler)
        # What was not written is not tried again when the stream is closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def test_a_flow_goes_on_when_nobody_reads_its_log(logger: logging.Logger) -> None:
    async def body() -> str:
        async with noticing_termination():
            for line in ("first", "second"):
                logger.warning(line)
            return "done"

    assert asyncio.run(body()) == "done"
