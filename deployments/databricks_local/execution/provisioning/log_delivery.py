"""Delivers the logs of a cluster to where its `cluster_log_conf` says (docs: compute log delivery)."""

import asyncio
import errno
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from databricks_local.files.tree import leads_inside
from databricks_local.files.volumes import VOLUME_DEPTH
from databricks_local.runtime.dbutils.filesystem import DBFS, VOLUMES
from databricks_local.runtime.dbutils.secret_values import Redactor
from databricks_local.runtime.spark_paths import path_rewriter

DELIVERY_SECONDS = 300.0
"""Docs: logs are delivered every five minutes."""

LEAST_DELIVERY_SECONDS = 0.1
"""More often would keep the processor busy."""

PIECE_BYTES = 1 << 20
DELIVERED = ("dbfs:", "/Volumes/")

_LOG = logging.getLogger("databricks_local")


@dataclass
class _Source:
    name: str
    place: Path
    redactor: Redactor
    position: int = 0
    failing: bool = False


@dataclass
class LogDelivery:
    """Copies what logs have gained to the files of the driver.

    Attributes:
        directory: Where the files are.
        home: The volume, or all of DBFS. It has to be there, and no link in it may lead out of it.
    """

    directory: Path
    home: Path
    _sources: list[_Source] = field(default_factory=list)
    _delivering: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, place: Path, redactor: Redactor) -> None:
        """Deliver a log from now on.

        Args:
            name: The file to which it is appended, such as `stdout`.
            place: The log.
            redactor: Knows the secrets that must not be in it.
        """
        self._sources.append(_Source(name, place, redactor))

    def deliver(self) -> None:
        """Deliver what has come since the last time. Call it in a thread."""
        with self._delivering:
            for source in self._sources:
                self._deliver(source, whole=False)

    def finish(self, *places: Path) -> None:
        """Deliver the rest of these logs, which are about to be removed."""
        with self._delivering:
            for source in [each for each in self._sources if each.place in places]:
                self._deliver(source, whole=True)
                self._sources.remove(source)

    def _deliver(self, source: _Source, *, whole: bool) -> None:
        """Deliver a log as far as possible: no task fails because its log cannot be kept."""
        try:
            self._append(source, whole=whole)
        except OSError as error:
            if not source.failing:
                _LOG.warning("%s cannot be delivered to %s: %s", source.name, self.directory, error.strerror)
            source.failing = True
        else:
            source.failing = False

    def _append(self, source: _Source, *, whole: bool) -> None:
        if not source.place.exists():
            return
        if not (self.home.is_dir() and leads_inside(self.directory, self.home.resolve())):
            raise FileNotFoundError(errno.ENOENT, "there is no such volume or folder")
        self.directory.mkdir(parents=True, exist_ok=True)
        with (
            source.place.open("rb") as file,
            (self.directory / source.name).open("a", encoding="utf-8") as target,
        ):
            while True:
                file.seek(source.position)
                content = file.read(PIECE_BYTES)
                # Whole lines, so that a secret is not cut in two; but a line may be longer than a piece.
                lines = content[: content.rfind(b"\n") + 1]
                if not lines and (whole or len(content) == PIECE_BYTES):
                    lines = content
                if not lines:
                    break
                target.write(source.redactor.redact(lines.decode("utf-8", "backslashreplace")))
                target.flush()
                # Only now: a piece that could not be written comes again with the next delivery.
                source.position += len(lines)


def delivery_for(destination: str, cluster_id: str, places: Mapping[str, str]) -> LogDelivery | None:
    """The delivery of a cluster; None if its logs are not delivered, or to a storage of the cloud.

    Args:
        destination: Of the `cluster_log_conf`.
        cluster_id: The cluster.
        places: Where DBFS and volumes are on disk.
    """
    if not destination.startswith(DELIVERED):
        return None
    place, volumes = Path(path_rewriter(places)(destination)), Path(places[VOLUMES])
    home = Path(places[DBFS])
    if place.is_relative_to(volumes):
        home = volumes.joinpath(*place.relative_to(volumes).parts[:VOLUME_DEPTH])
    return LogDelivery(place / cluster_id / "driver", home)


async def deliver_regularly(delivery: LogDelivery, seconds: float) -> None:
    """Deliver logs until this is cancelled."""
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(delivery.deliver)
