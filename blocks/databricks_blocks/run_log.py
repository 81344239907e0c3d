"""What the log of a run tells: its story, safe to be printed, without the noise of libraries."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import PurePath

from databricks_blocks.safe_text import printable

_OURS = frozenset({"databricks_blocks", "databricks_flows"})
_CONNECTORS = frozenset({"prefect_sqlalchemy", "prefect_aws", "prefect_gcp", "prefect_azure"})
# Blocks log to the run that uses them, and outside of runs to a logger of their own.
_LOGGERS = ("prefect.flow_runs", "prefect.task_runs", "prefect.SqlAlchemyConnector")
_FINISHED = "Finished in state Completed()"
_telling: ContextVar[bool] = ContextVar("telling_the_story", default=False)


@contextmanager
def telling_the_story() -> Iterator[None]:
    """Keep the log of the runs inside to what a person wants to know.

    Left out are the lines of the connectors (an engine and a connection created, reset, disposed), a line for
    each task that completed, which the page of the run shows, and the retries of those errors that have an
    attribute `is_told`. Of warnings and errors, and of what other code logs, nothing is left out.
    """
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
    token = _telling.set(True)
    try:
        yield
    finally:
        _telling.reset(token)


class _Filter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is logged; those of ours are made printable: the texts in them are of others."""
        packages = PurePath(record.pathname).parts
        if not _OURS.isdisjoint(packages):
            record.msg, record.args = printable(record.getMessage()), ()
            return True
        return not _telling.get() or record.levelno > logging.INFO or not _is_noise(record, packages)


def _is_noise(record: logging.LogRecord, packages: tuple[str, ...]) -> bool:
    if not _CONNECTORS.isdisjoint(packages):
        return True
    arguments = record.args if isinstance(record.args, tuple) else ()
    if any(getattr(argument, "is_told", False) for argument in arguments):
        return True
    return record.name == "prefect.task_runs" and record.msg == _FINISHED


_FILTER = _Filter()
