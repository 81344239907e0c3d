"""Telling never decides a result."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from databricks_flows.shared import telling
from databricks_flows.shared.telling import Sender, tell


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    import logging

    monkeypatch.setattr(telling, "get_run_logger", lambda: logging.getLogger("of the run"))
    return caplog


def test_what_cannot_be_told_is_logged_in_one_line(logged: pytest.LogCaptureFixture) -> None:
    def refuse() -> None:
        raise httpx.ConnectError("no\nserver")

    tell("the chart", refuse)
    assert logged.messages == ["Prefect does not show the chart: no server"]


def test_things_are_sent_in_order_and_one_that_fails_stops_no_other(logged: pytest.LogCaptureFixture) -> None:
    sent: list[int] = []

    async def send(number: int) -> None:
        await asyncio.sleep(0.01 / (number + 1))
        if number == 1:
            raise httpx.ReadTimeout("busy")
        sent.append(number)

    async def send_all() -> None:
        sender = Sender()
        for number in range(4):
            sender.send(f"number {number}", send(number))
        assert sent == [], "nobody waits"
        await sender.sent()

    asyncio.run(send_all())
    assert sent == [0, 2, 3]
    assert logged.messages == ["Prefect does not show number 1: busy"]
