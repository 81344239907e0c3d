"""Follows what the drivers of clusters write, as Databricks delivers it: minutes late, and never decisive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from databricks_blocks.errors import DatabricksJobError, DatabricksRunRefused
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.pipes.channel import channel_of
from databricks_blocks.pipes.driver_logs import DriverLogReader, cluster_settings, driver_folder
from databricks_blocks.pipes.looking import look_at_driver_logs
from databricks_blocks.pipes.protocol import StreamText
from databricks_blocks.pipes.received import Look, Received
from databricks_blocks.safe_text import one_line
from databricks_blocks.workspace.api_errors import api_errors

from databricks_flows.pipes.stages import Speaker, Stage
from databricks_flows.pipes.voice import Teller
from databricks_flows.shared.telling import AnyLogger

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

SECONDS_BETWEEN_LOOKS = 30.0
"""Databricks delivers every five minutes."""
SECONDS_BETWEEN_LAST_LOOKS = 2.0
"""A cluster that ends with its run delivers the rest then."""


@dataclass
class _Driver:
    """The driver of a cluster; its lines go to the task that was first on it.

    `is_new`: the cluster was made for the run, and ends with it.
    """

    task_key: str
    speaker: Speaker
    folder: str
    reader: DriverLogReader
    is_new: bool


class DriverOutput:
    """Follows the drivers of the clusters that the tasks of a run use."""

    def __init__(
        self,
        client: WorkspaceClient,
        specification: JobSpecification,
        teller: Teller,
        logger: AnyLogger,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Set up; nothing is looked at yet.

        Args:
            client: SDK client of the workspace.
            specification: The job, as it is launched.
            teller: Is told what the drivers wrote.
            logger: Gets a warning when a folder cannot be read.
            sleep: Waits for a number of seconds.
        """
        self._client = client
        self._specification = specification
        self._teller = teller
        self._logger = logger
        self._sleep = sleep
        self._drivers: dict[str, _Driver | None] = {}
        self._speakers: Mapping[str, Speaker] = {}
        self._loop: asyncio.Task[None] | None = None
        self._has_warned: set[str] = set()

    def take(self, speakers: Mapping[str, Speaker]) -> None:
        """Learn what the tasks do now."""
        self._speakers = speakers
        if self._loop is None:
            self._loop = asyncio.create_task(self._follow())

    async def finish(self, seconds: float) -> None:
        """Hear what clusters deliver as they end, and tell lines without an end.

        Args:
            seconds: How long this may take.
        """
        await self.leave()
        looks = 1 + int(seconds / SECONDS_BETWEEN_LAST_LOOKS)
        for number in range(looks):
            if await self._look() or not any(driver and driver.is_new for driver in self._drivers.values()):
                break
            if number + 1 < looks:
                await self._sleep(SECONDS_BETWEEN_LAST_LOOKS)
        for driver in filter(None, self._drivers.values()):
            await self._tell(driver, driver.reader.rest())

    async def leave(self) -> None:
        """Stop to follow."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])

    async def _follow(self) -> None:
        while True:
            await self._look()
            await self._sleep(SECONDS_BETWEEN_LOOKS)

    async def _look(self) -> bool:
        """Look once at all drivers; whether this brought lines."""
        for task_key, speaker in self._speakers.items():
            await self._trying(
                speaker.latest.cluster_id if speaker.latest else "", self._find(task_key, speaker)
            )
        found = [
            await self._trying(cluster_id, self._hear(driver))
            for cluster_id, driver in tuple(self._drivers.items())
            if driver
        ]
        return any(found)

    async def _trying(self, cluster_id: str, work: Coroutine[Any, Any, bool]) -> bool:
        """Do something for one driver; what one cluster refuses is no reason to miss the others."""
        try:
            return await work
        except DatabricksJobError as error:
            if isinstance(error, DatabricksRunRefused):
                self._drivers[cluster_id] = None
            if cluster_id not in self._has_warned:
                self._has_warned.add(cluster_id)
                self._logger.warning(
                    "Logs of the driver of cluster %s cannot be read%s: %s",
                    cluster_id,
                    "" if isinstance(error, DatabricksRunRefused) else " for now",
                    one_line(str(error)),
                )
            return False

    async def _hear(self, driver: _Driver) -> bool:
        channel = channel_of(self._client, driver.folder)
        lines = await asyncio.to_thread(look_at_driver_logs, channel, driver.folder, driver.reader)
        await self._tell(driver, lines)
        return bool(lines)

    async def _find(self, task_key: str, speaker: Speaker) -> bool:
        cluster_id = speaker.latest.cluster_id if speaker.latest else ""
        if speaker.stage is Stage.SILENT or not cluster_id or cluster_id in self._drivers:
            return False
        settings = cluster_settings(self._specification, task_key)
        is_new = settings is not None
        if settings is None:
            settings = await asyncio.to_thread(_settings_of, self._client, cluster_id)
        folder = driver_folder(settings, cluster_id)
        reader = DriverLogReader(skip_present=not is_new)
        self._drivers[cluster_id] = _Driver(task_key, speaker, folder, reader, is_new) if folder else None
        return False

    async def _tell(self, driver: _Driver, lines: tuple[StreamText, ...]) -> None:
        now = datetime.now(UTC)
        said = tuple(Received(line, driver.speaker.attempts, "", 0, now, "") for line in lines)
        if said:
            await self._teller.tell(driver.task_key, driver.speaker, Look(received=said))


def _settings_of(client: WorkspaceClient, cluster_id: str) -> dict[str, Any]:
    with api_errors(client.config.host, f"clusters/get of {cluster_id}"):
        settings: dict[str, Any] = client.clusters.get(cluster_id).as_dict()
        return settings
