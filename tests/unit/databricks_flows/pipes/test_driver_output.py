"""What drivers write is followed to the delivery that comes when their cluster ends."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from unittest.mock import Mock

import pytest
from databricks.sdk import WorkspaceClient
from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.pipes.driver_logs import with_log_delivery
from databricks_blocks.pipes.protocol import StreamText
from databricks_blocks.pipes.received import Look
from databricks_blocks.run.snapshot import TaskAttempt
from databricks_blocks.run.states import RunState
from databricks_flows.pipes import driver_output
from databricks_flows.pipes.driver_output import DriverOutput
from databricks_flows.pipes.stages import Speaker, Stage

from ...databricks_blocks.pipes.pipes_lab import Place

CLUSTER = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
NEW = notebook_task("only", "/Shared/a", new_cluster=CLUSTER)
EXISTING = notebook_task("only", "/Shared/a", existing_cluster_id="1-2-x")


def running(cluster_id: str) -> Speaker:
    return Speaker(Stage.SPEAKING, (TaskAttempt("only", 1, 0, RunState("RUNNING"), cluster_id=cluster_id),))


RUNNING = running("1-2-x")


class Room:
    """A run whose cluster delivers at a look of our choice."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, task: Any, delivered_after: int) -> None:
        self.place = Place()
        self.lines: list[str] = []
        self.pauses: list[float] = []
        self.delivered_after = delivered_after
        monkeypatch.setattr(driver_output, "channel_of", lambda client, folder: self.place)
        client = Mock(spec=WorkspaceClient)
        client.clusters.get.return_value.as_dict.return_value = {
            "cluster_log_conf": {"volumes": {"destination": "/Volumes/main/ops/pipes/logs"}}
        }
        job = with_log_delivery(JobSpecification(name="nightly", tasks=[task]), "/Volumes/main/ops/pipes")
        self.output = DriverOutput(client, job, self, logging.getLogger("test"), sleep=self._sleep)

    async def tell(self, task_key: str, speaker: Speaker, look: Look) -> bool:
        self.lines += [each.message.text for each in look.received if isinstance(each.message, StreamText)]
        return True

    async def _sleep(self, seconds: float) -> None:
        if seconds == driver_output.SECONDS_BETWEEN_LOOKS:
            await asyncio.sleep(3600)
        self.pauses.append(seconds)
        if len(self.pauses) == self.delivered_after:
            self.place.write_bytes("stdout", b"late words\n")

    async def to_the_end(self, seconds: float) -> None:
        self.output.take({"only": RUNNING})
        await asyncio.sleep(0)
        await self.output.finish(seconds)


def test_what_a_cluster_delivers_as_it_ends_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(monkeypatch, NEW, delivered_after=3)
    asyncio.run(room.to_the_end(15))
    assert room.lines == ["late words"]
    assert room.pauses == [2.0] * 3


def test_a_cluster_that_delivers_nothing_is_not_waited_for_any_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = Room(monkeypatch, NEW, delivered_after=99)
    asyncio.run(room.to_the_end(15))
    assert room.lines == []
    assert sum(room.pauses) == 14


def test_a_cluster_that_goes_on_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(monkeypatch, EXISTING, delivered_after=1)
    asyncio.run(room.to_the_end(15))
    assert room.pauses == []


def test_a_cluster_that_cannot_be_read_silences_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(monkeypatch, EXISTING, delivered_after=99)
    asked: list[str] = []

    def settings_of(client: WorkspaceClient, cluster_id: str) -> dict[str, Any]:
        asked.append(cluster_id)
        if cluster_id == "refused":
            raise DatabricksRunRefused("no permission")
        return {"cluster_log_conf": {"volumes": {"destination": "/Volumes/main/ops/pipes/logs"}}}

    monkeypatch.setattr(driver_output, "_settings_of", settings_of)

    async def listen() -> None:
        room.output.take({"only": running("refused"), "other": running("1-2-x")})
        await asyncio.sleep(0.2)
        room.place.write_bytes("stdout", b"words\n")
        await room.output.finish(0)

    asyncio.run(listen())
    assert room.lines == ["words"]
    assert asked == ["refused", "1-2-x"]
