"""Lines of code on Databricks, made fit for Prefect's log. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from databricks_blocks.pipes.received import Received

LONGEST = 25_000
"""Characters of one line of the log that Prefect Cloud takes."""
_LAST = datetime.max.replace(tzinfo=UTC) - timedelta(microseconds=1)


def pieces_of(text: str) -> Iterator[str]:
    """Split what was written to a stream into pieces that Prefect takes, at ends of lines where it can.

    Args:
        text: Whole lines, without the last newline.
    """
    while len(text) > LONGEST:
        end = text.rfind("\n", 0, LONGEST + 1)
        piece, text = (text[:end], text[end + 1 :]) if end > 0 else (text[:LONGEST], text[LONGEST:])
        yield piece
    if text:
        yield text


def with_growing_times(received: Iterable[Received]) -> Iterator[Received]:
    """Put lines that were said at once a microsecond apart: Prefect orders its log by time alone."""
    last: datetime | None = None
    for one in received:
        time = one.time
        # A difference of times has no limits, unlike a time: of the years 1 and 9999.
        if last is not None and timedelta() <= last - time <= timedelta(milliseconds=1):
            time = min(last, _LAST) + timedelta(microseconds=1)
        last = time
        yield one if time == one.time else replace(one, time=time)
