"""How far the load of many files is, as a progress artifact and for a listener in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from .progress import Progress, report

_SECONDS_BETWEEN = 2.0


class LoadProgress:
    """Bytes read of files, by task runs in several threads."""

    def __init__(self, paths: Sequence[Path], clock: Callable[[], float] = time.monotonic) -> None:
        self._sizes = {path: path.stat().st_size for path in paths}
        self._read: dict[Path, int] = {}
        self._done = 0
        self._lock = Lock()
        self._clock = clock
        self._next = clock() + _SECONDS_BETWEEN
        description = f"{len(paths)} CSV files, by their bytes"
        artifact = create_progress_artifact(progress=0.0, key="load-progress", description=description)
        self._artifact = cast(UUID, artifact)

    def watch(self, path: Path) -> Callable[[int], None]:
        """Make the function that is told how many bytes of a file have been read."""

        def read(size: int) -> None:
            # A file that is loaded again does not go back.
            self._read[path] = max(size, self._read.get(path, 0))
            with self._lock:
                if self._clock() < self._next:
                    return
                self._next = self._clock() + _SECONDS_BETWEEN
            self._show()

        return read

    def done(self, path: Path) -> None:
        """Note that nothing more comes of a file."""
        with self._lock:
            self._done += 1
        self.watch(path)(self._sizes[path])
        report(Progress("load_files", self._done, len(self._sizes)))

    def close(self) -> None:
        """Show where it ended."""
        self._show()

    def _show(self) -> None:
        read, total = sum(list(self._read.values())), sum(self._sizes.values())
        update_progress_artifact(self._artifact, progress=min(100.0, 100 * read / max(total, 1)))
