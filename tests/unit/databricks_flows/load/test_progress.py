"""The progress of a load counts each file once, and what shows it does not keep files from being loaded."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from threading import Event

import httpx
import pytest
from databricks_flows.load.progress import LoadProgress
from databricks_flows.shared.progress import Progress, listening
from prefect.exceptions import PrefectException

LOGGER = logging.getLogger("tests.load_progress")
SECONDS = 10


class Clock:
    """Stands until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.csv" for number in range(4)]
    for path in paths:
        path.write_bytes(b"x" * 100)
    return paths


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_file_that_a_retry_loads_is_counted_once(paths: list[Path], clock: Clock) -> None:
    seen: list[Progress] = []
    progress = LoadProgress(paths, lambda _: None, LOGGER, clock)
    with listening(seen.append):
        for path in [*paths[:3], *paths]:
            progress.done(path)
    assert [(one.done, one.total) for one in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_no_thread_waits_for_the_prefect_server_but_one_and_each_number_is_told_once(
    paths: list[Path], clock: Clock
) -> None:
    seen: list[int] = []
    shown: list[float] = []
    asked, answered = Event(), Event()

    def update(percent: float) -> None:
        shown.append(percent)
        asked.set()
        assert answered.wait(SECONDS)

    progress = LoadProgress(paths, update, LOGGER, clock)
    clock.now = 2.0
    with listening(lambda one: seen.append(one.done)), ThreadPoolExecutor(1) as threads:
        slow = threads.submit(copy_context().run, progress.done, paths[0])
        try:
            assert asked.wait(SECONDS)
            clock.now = 4.0
            progress.watch(paths[1])(50)
            progress.done(paths[2])
            assert not slow.done()
        finally:
            answered.set()
        slow.result(SECONDS)
    assert seen == [1, 2]
    assert shown == [25.0]
    progress.close()
    assert shown == [25.0, 62.5]


def test_it_is_shown_from_time_to_time_and_does_not_go_back(paths: list[Path], clock: Clock) -> None:
    shown: list[float] = []
    progress = LoadProgress(paths, shown.append, LOGGER, clock)
    read = progress.watch(paths[0])
    for now, size in [(1.9, 10), (2.0, 80), (3.9, 90), (4.0, 20), (6.0, 20)]:
        clock.now = now
        read(size)
    assert shown == [20.0, 22.5, 22.5]


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("away"), PrefectException("away"), OSError("away")],
    ids=lambda error: type(error).__name__,
)
def test_a_prefect_server_that_is_away_is_told_once_and_fails_nothing(
    paths: list[Path], clock: Clock, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    asked: list[float] = []

    def update(percent: float) -> None:
        asked.append(percent)
        if len(asked) < 4:
            raise error

    progress = LoadProgress(paths, update, LOGGER, clock)
    for path in paths[:3]:
        clock.now += 2.0
        progress.watch(path)(50)
        clock.now += 2.0
        progress.done(path)
    progress.close()
    assert asked == [12.5, 25.0, 37.5, 50.0, 62.5, 75.0, 75.0]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "The progress of the load is not shown: away")
    ]
