"""Waits for a slot of a global concurrency limit of Prefect, until the flow run ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus

from httpx import HTTPStatusError
from prefect import get_run_logger
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency

from databricks_flows.shared.patience import current_patience

_SHORTEST_PAUSE = 0.1
_USUAL_PAUSE = 5.0
_LONGEST_PAUSE = 60.0


class FlowRunEnding(RuntimeError):
    """Raised when a step still waited for a slot while its flow run was ended."""


@contextmanager
def slot(limit: str) -> Iterator[None]:
    """Hold a slot of a global concurrency limit.

    Prefect's own wait in a thread cannot be interrupted: a cancelled flow run would go on to wait.

    Args:
        limit: Name of the limit; empty for none.

    Raises:
        FlowRunEnding: The flow run ended before a slot was free.
        ConcurrencySlotAcquisitionError: There is no such limit.
    """
    patience, waits = current_patience(), False
    with ExitStack() as held:
        while limit and (seconds := _take(held, limit)) is not None:
            if not waits:
                get_run_logger().info("Waiting for a slot of the concurrency limit `%s`", limit)
            waits = True
            patience.pause(seconds)
            if patience.has_ended:
                raise FlowRunEnding(f"The flow run ended before a slot of the limit `{limit}` was free")
        yield


def _take(held: ExitStack, limit: str) -> float | None:
    """Take a slot if one is free: `None`; else the seconds to wait before the next try."""
    try:
        held.enter_context(concurrency(limit, max_retries=0, strict=True))
    except ConcurrencySlotAcquisitionError as error:
        refused = error.__cause__
        if isinstance(refused, HTTPStatusError) and refused.response.status_code == HTTPStatus.LOCKED:
            return _seconds(refused.response.headers.get("Retry-After", ""))
        raise
    return None


def _seconds(retry_after: str) -> float:
    """How long a server asks to wait; it may say nothing, or a date (RFC 9110, 10.2.3)."""
    try:
        return min(max(_SHORTEST_PAUSE, float(retry_after)), _LONGEST_PAUSE)
    except ValueError:
        return _USUAL_PAUSE
