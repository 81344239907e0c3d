"""The log of a run leaves out the noise of libraries, and nothing that matters."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from databricks_blocks.run_log import telling_the_story

CONNECTOR = "/site-packages/prefect_sqlalchemy/database.py"
ENGINE = "/site-packages/prefect/task_engine.py"
USER = "/home/me/flows/mine.py"
OURS = "/site-packages/databricks_flows/job/report.py"
FINISHED = "Finished in state Completed()"


class Told(Exception):
    is_told = True


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler, loggers = Kept(), [logging.getLogger(f"prefect.{name}") for name in ("flow_runs", "task_runs")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)


def log(
    path: str, message: str, *arguments: object, level: int = logging.INFO, name: str = "task_runs"
) -> None:
    logger = logging.getLogger(f"prefect.{name}")
    logger.handle(logger.makeRecord(logger.name, level, path, 1, message, arguments, None))


@pytest.mark.parametrize(
    ("path", "message", "arguments"),
    [
        (CONNECTOR, "Created a new engine.", ()),
        (CONNECTOR, "Reset opened connections and their results.", ()),
        ("/site-packages/prefect_aws/s3.py", "Uploaded to x", ()),
        (ENGINE, FINISHED, ()),
        (ENGINE, "Task run failed with %s: %r - Retry %s/%s", ("exception", Told(), 1, 1000)),
    ],
)
def test_noise_is_left_out_of_our_runs_and_of_no_others(
    kept: Kept, path: str, message: str, arguments: tuple[object, ...]
) -> None:
    with telling_the_story():
        log(path, message, *arguments)
    assert kept.lines == []
    log(path, message, *arguments)
    assert len(kept.lines) == 1


@pytest.mark.parametrize(
    ("path", "message", "options"),
    [
        (CONNECTOR, "The connection is lost", {"level": logging.WARNING}),
        (ENGINE, "Finished in state Failed('no disk')", {"level": logging.ERROR}),
        (ENGINE, "Task run failed with exception: OSError() - Retry 1/2 will start 1 second(s) from now", {}),
        ("/site-packages/prefect/flow_engine.py", FINISHED, {"name": "flow_runs"}),
        (USER, FINISHED.lower(), {}),
        (USER, "Created a new engine.", {}),
        (OURS, "Databricks run 7: http://d", {}),
    ],
)
def test_what_matters_is_told(kept: Kept, path: str, message: str, options: dict[str, object]) -> None:
    with telling_the_story():
        log(path, message, **options)
    assert kept.lines == [message]


def test_what_others_wrote_into_our_lines_is_printable_and_lines_of_others_stay_as_they_are(
    kept: Kept,
) -> None:
    with telling_the_story():
        log(OURS, "Exit value: %s", "\x1b]52;c;x\x07")
        log(USER, "\x1b[31mred")
    assert kept.lines == ["Exit value: ␛]52;c;x␇", "\x1b[31mred"]
