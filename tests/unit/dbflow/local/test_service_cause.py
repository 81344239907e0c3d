"""What the log of a service that ended says to the person at the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from dbflow.local.service import cause_in

FULL = 'FATAL:  could not write to file "pg_wal/xlogtemp.1": No space left on device'


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("", "it ended and its log is empty"),
        ("one\n  two  \n\n", "two"),
        ("listen: Address already in use\nbye\n", "listen: Address already in use"),
        (
            f"{FULL}\nchild process exited with exit code 1\ninitdb: removing data directory\n",
            "the disk is full: make room where /d/postgres is",
        ),
    ],
)
def test_the_line_that_says_why(log: str, cause: str) -> None:
    assert cause_in(log, Path("/d/postgres")) == cause
