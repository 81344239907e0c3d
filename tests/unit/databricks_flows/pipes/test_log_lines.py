"""Lines are cut where Prefect would cut them, and keep their order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from databricks_blocks.pipes.protocol import LogLine
from databricks_blocks.pipes.received import Received
from databricks_flows.pipes.log_lines import LONGEST, pieces_of, with_growing_times

TIME = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("", []),
        ("a\nb", [3]),
        ("x" * LONGEST, [LONGEST]),
        ("x" * LONGEST + "\nb", [LONGEST, 1]),
        ("x" * (LONGEST + 1), [LONGEST, 1]),
        (("y" * 9_999 + "\n") * 3 + "z", [19_999, 10_001]),
    ],
)
def test_pieces_end_at_ends_of_lines(text: str, sizes: list[int]) -> None:
    pieces = list(pieces_of(text))
    assert [len(piece) for piece in pieces] == sizes
    assert "".join(pieces).replace("\n", "") == text.replace("\n", "")


def test_equal_times_grow_and_others_stay() -> None:
    times = [TIME, TIME, TIME, TIME + timedelta(seconds=1), TIME]
    said = [Received(LogLine(str(n)), 1, "1.json", n, time, str(n)) for n, time in enumerate(times)]
    grown = [one.time for one in with_growing_times(said)]
    assert grown[:3] == [TIME + timedelta(microseconds=n) for n in range(3)]
    assert grown[3:] == times[3:]


@pytest.mark.parametrize("time", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_first_and_the_last_time_that_there_is_are_no_fault(time: datetime) -> None:
    said = Received(LogLine("x", "INFO"), 1, "1.json", 1, time, "k")
    assert len(list(with_growing_times([said, said, said]))) == 3
