"""The progress of a load of many files: as an artifact, and for a listener in this process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from logging import Logger, LoggerAdapter
from pathlib import Path
from threading import Lock
from typing import Any, cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from databricks_flows.shared.progress import Progress, report
from databricks_flows.shared.telling import NOT_TOLD, tell

_SECONDS_BETWEEN = 2.0


def open_artifact(description: str) -> Callable[[float], object]:
    """Make a progress artifact.

    Returns:
        The function that sets its percentage. It does nothing if Prefect does not take the artifact.
    """
    made: list[UUID] = []

    def make() -> None:
        artifact = create_progress_artifact(progress=0.0, key="load-progress", description=description)
        made.append(cast(UUID, artifact))

    def update(percent: float) -> None:
        for artifact in made:
            update_progress_artifact(artifact, percent)

    tell("the progress of the load", make)
    return update


class LoadProgress:
    """Counts the bytes that task runs in several threads have read."""

    def __init__(
        self,
        paths: Sequence[Path],
        update: Callable[[float], object],
        logger: Logger | LoggerAdapter[Any],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start at 0 %.

        Args:
            paths: The files.
            update: Is called with the percentage from time to time, by one thread at a time.
            logger: Logs an error of `update`; the load goes on.
            clock: Gives the time in seconds.
        """
        self._sizes = {path: path.stat().st_size for path in paths}
        self._read: dict[Path, int] = {}
        self._finished: set[Path] = set()
        self._lock = Lock()
        self._update = update
        self._logger = logger
        self._warned = False
        self._clock = clock
        self._next = clock() + _SECONDS_BETWEEN

    def watch(self, path: Path) -> Callable[[int], None]:
        """Make the function to call with the number of bytes that have been read of a file."""

        def read(size: int) -> None:
            with self._lock:
                # When a file is loaded again, its progress does not go back.
                self._read[path] = max(size, self._read.get(path, 0))
            self._show_if_due()

        return read

    def done(self, path: Path) -> None:
        """Count a file as done, whether it was loaded or not."""
        with self._lock:
            self._read[path] = self._sizes[path]
            if path not in self._finished:
                self._finished.add(path)
                # Under the lock, so that the listener gets the numbers in order.
                report(Progress("load_files", len(self._finished), len(self._sizes)))
        self._show_if_due()

    def close(self) -> None:
        """Show the final percentage."""
        self._show()

    def _show_if_due(self) -> None:
        with self._lock:
            if self._clock() < self._next:
                return
            # No other thread shows it meanwhile, so that only one waits for the Prefect server.
            self._next = math.inf
        self._show()
        with self._lock:
            self._next = self._clock() + _SECONDS_BETWEEN

    def _show(self) -> None:
        with self._lock:
            read, total = sum(self._read.values()), sum(self._sizes.values())
        try:
            self._update(min(100.0, 100 * read / max(total, 1)))
        except NOT_TOLD as error:
            if not self._warned:
                self._warned = True
                self._logger.warning("The progress of the load is not shown: %s", error)
