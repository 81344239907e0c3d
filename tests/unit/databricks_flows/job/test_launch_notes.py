"""A launch is noted before it is made, and its run after."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock
from uuid import UUID

import httpx
import pytest
from databricks_blocks.errors import DatabricksUnreachable
from databricks_blocks.run.launchers import SubmitLauncher
from databricks_flows.job import launch_notes
from databricks_flows.job.launch_notes import LaunchNote, NotedLauncher, read_notes

FLOW_RUN = UUID(int=1)


@pytest.mark.parametrize(
    ("labels", "notes"),
    [
        ({"prefect.flow.id": "x"}, []),
        ({"databricks.launch.0": "job t0", "databricks.run.0": ""}, [LaunchNote(0, "job", "t0", None)]),
        ({"databricks.launch.0": "job ", "databricks.run.0": "7"}, [LaunchNote(0, "job", "", 7)]),
        (
            {
                "databricks.launch.10": "job t10",
                "databricks.launch.2": "job t2",
                "databricks.run.2": "9",
            },
            [LaunchNote(2, "job", "t2", 9), LaunchNote(10, "job", "t10", None)],
        ),
    ],
    ids=["none", "under way", "a repair", "two generations"],
)
def test_notes(labels: dict[str, Any], notes: list[LaunchNote]) -> None:
    assert read_notes(labels) == notes


class Server:
    """The labels of a flow run, and what happened in which order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.labels: dict[str, Any] = {}
        self.events: list[str] = []
        self.is_away = False
        client = Mock()
        client.update_flow_run_labels = self.update
        client.__enter__ = Mock(return_value=client)
        client.__exit__ = Mock(return_value=None)
        monkeypatch.setattr(launch_notes, "get_client", Mock(return_value=client))

    def update(self, flow_run_id: UUID, labels: dict[str, Any]) -> None:
        assert flow_run_id == FLOW_RUN
        if self.is_away:
            raise httpx.ConnectError("away")
        self.labels |= labels
        self.events.append("note")

    def launch(self, generation: int) -> int:
        self.events.append("launch")
        return 40 + generation

    def launcher(self) -> NotedLauncher:
        launcher = Mock(spec=SubmitLauncher)
        launcher.start = self.launch
        launcher.token = "token {}".format
        return NotedLauncher(launcher, FLOW_RUN, "job")


def test_the_note_comes_before_the_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    assert server.launcher().start(1) == 41
    assert server.events == ["note", "launch", "note"]
    assert read_notes(server.labels) == [LaunchNote(1, "job", "token 1", 41)]


def test_a_flow_run_that_is_started_again_forgets_the_run_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    server.labels = {"databricks.launch.0": "other token", "databricks.run.0": "7"}
    monkeypatch.setattr(server, "launch", Mock(side_effect=DatabricksUnreachable("away")))
    launcher = server.launcher()
    with pytest.raises(DatabricksUnreachable):
        launcher.start(0)
    assert read_notes(server.labels) == [LaunchNote(0, "job", "token 0", None)]


def test_nothing_is_launched_while_prefect_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    server.is_away = True
    with pytest.raises(
        DatabricksUnreachable, match="Prefect server does not answer, so nothing was launched"
    ):
        server.launcher().start(0)
    assert server.events == []
