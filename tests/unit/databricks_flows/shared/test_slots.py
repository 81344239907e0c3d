"""A slot is waited for until it is free, or until the flow run ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from databricks_flows.shared import slots
from databricks_flows.shared.patience import Patience
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError


def refusal(status: int, retry_after: str | None = "7") -> ConcurrencySlotAcquisitionError:
    """The error that Prefect raises when its server answers with this status."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    response = httpx.Response(status, headers=headers)
    error = ConcurrencySlotAcquisitionError("no slot")
    error.__cause__ = httpx.HTTPStatusError("", request=httpx.Request("POST", "http://x"), response=response)
    return error


@pytest.fixture
def take(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[float]]:
    """Take a slot from a server that refuses with these statuses first; the pauses in between."""

    def take_one(statuses: list[int], ends_after: int = 100, retry_after: str | None = "7") -> list[float]:
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == ends_after:
                patience.end()

        patience = Patience(pause=pause)
        left = list(statuses)

        @contextmanager
        def concurrency(*_: object, **__: object) -> Iterator[None]:
            if left:
                raise refusal(left.pop(0), retry_after)
            yield

        monkeypatch.setattr(slots, "concurrency", concurrency)
        monkeypatch.setattr(slots, "current_patience", lambda: patience)
        monkeypatch.setattr(slots, "get_run_logger", lambda: logging.getLogger(__name__))
        with slots.slot("limit"):
            assert not left, "the slot is not taken yet"
            return pauses

    return take_one


def test_a_slot_that_is_free_is_taken_at_once(take: Callable[..., list[float]]) -> None:
    assert take([]) == []


def test_a_slot_that_is_taken_is_waited_for(
    take: Callable[..., list[float]], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert take([423, 423]) == [7.0, 7.0]
    assert caplog.messages == ["Waiting for a slot of the concurrency limit `limit`"]


@pytest.mark.parametrize(
    "retry_after", ["0", "0.0", "-1", "", None, "Fri, 27 Nov 2026 12:00:00 GMT", "nan", "inf"]
)
def test_a_slot_is_waited_for_whatever_the_server_says_about_the_time(
    take: Callable[..., list[float]], retry_after: str | None
) -> None:
    pauses = take([423, 423], retry_after=retry_after)
    assert [0 < seconds <= 60 for seconds in pauses] == [True, True]


def test_a_flow_run_that_ends_waits_no_longer(take: Callable[..., list[float]]) -> None:
    with pytest.raises(slots.FlowRunEnding, match="before a slot of the limit `limit` was free"):
        take([423] * 10, ends_after=2)


def test_another_error_is_raised(take: Callable[..., list[float]]) -> None:
    with pytest.raises(ConcurrencySlotAcquisitionError):
        take([404])


def test_without_a_limit_nothing_is_asked() -> None:
    with slots.slot(""):
        pass
