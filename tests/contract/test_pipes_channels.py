"""The channels of pipes: what they ask the workspace, and what they make of its faults."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk.service.catalog import VolumeType
from databricks_blocks.errors import DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.pipes.bootstrap import Caller, session
from databricks_blocks.pipes.channel import Channel, channel_of
from databricks_blocks.pipes.driver_logs import DriverLogReader, driver_folder
from databricks_blocks.pipes.looking import discard, look, look_at_driver_logs, prepare
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.pipes.protocol import LogLine
from databricks_blocks.pipes.reader import DirectoryReader
from databricks_local import Faults

from .job_lab import put_file
from .workspace_lab import CLUSTER, Lab, until

VOLUME = "/Volumes/main/default/channels"
FILES = ("/api/2.0/fs/", "/api/2.0/dbfs/")


@pytest.fixture(scope="module")
def volume(lab: Lab) -> Iterator[str]:
    made = lab.sdk.volumes.create("main", "default", "channels", VolumeType.MANAGED)
    yield VOLUME
    lab.sdk.volumes.delete(made.full_name or "")


@pytest.fixture(params=[f"{VOLUME}/é %20#?", "/tmp/pipes é %20"], ids=["volume", "dbfs"])
def place(request: pytest.FixtureRequest, lab: Lab, volume: str) -> Iterator[str]:
    yield request.param
    lab.workspace.faults.clear()
    channel_of(lab.sdk, request.param).clean(request.param)


@pytest.fixture
def channel(lab: Lab, place: str) -> Channel:
    return channel_of(lab.sdk, place)


@pytest.fixture
def faults(lab: Lab) -> Iterator[Faults]:
    yield lab.workspace.faults
    lab.workspace.faults.clear()


def log(text: str) -> bytes:
    return json.dumps(
        {"__dagster_pipes_version": "0.1", "method": "log", "params": {"message": text}}
    ).encode()


def requests(lab: Lab) -> list[tuple[str, int | None]]:
    answers = [each for each in lab.workspace.requests() if each["path"].startswith(FILES)]
    return [(answer["method"], answer["status"]) for answer in answers]


def test_files_and_folders(channel: Channel, place: str) -> None:
    before = time.time() * 1000 - 2000
    channel.make(f"{place}/deep/er")
    channel.put(f"{place}/deep/1.json", b"old, and longer")
    channel.put(f"{place}/deep/1.json", b"0123456789")
    file, folder = sorted(channel.list(f"{place}/deep"), key=lambda entry: entry.name)
    assert (file.name, file.size, file.is_directory) == ("1.json", 10, False)
    assert before < file.modified < time.time() * 1000 + 2000
    assert (folder.name, folder.is_directory) == ("er", True)
    assert channel.get(f"{place}/deep/1.json") == b"0123456789"
    assert channel.get(f"{place}/deep/1.json", 4) == b"456789"
    channel.delete(f"{place}/deep/1.json")
    channel.delete(f"{place}/deep/1.json")
    assert channel.get(f"{place}/deep/1.json") is None
    channel.clean(place)
    channel.clean(place)
    assert channel.list(place) == []


def test_a_chunk_over_a_mebibyte_is_read_whole(channel: Channel, place: str) -> None:
    content = b"0123456789abcdef" * 70_000 + b"end"
    channel.make(place)
    channel.put(f"{place}/1.json", content)
    assert channel.get(f"{place}/1.json") == content


def test_a_look_is_one_request_and_a_chunk_two_more(lab: Lab, channel: Channel, place: str) -> None:
    reader = DirectoryReader(resumed=True)
    lab.workspace.clear_requests()
    assert look(channel, place, reader, over=False).received == ()
    assert channel.get(f"{place}/1.json") is None
    until(lambda: len(requests(lab)) == 2)
    channel.make(place)
    channel.put(f"{place}/1.json", log("hello"))
    lab.workspace.clear_requests()
    found = look(channel, place, reader, over=False)
    assert discard(channel, place, found) is None
    assert [each.message for each in found.received] == [LogLine("hello")]
    until(lambda: len(requests(lab)) == 3)


def test_a_missing_volume_is_told_before_the_launch(lab: Lab) -> None:
    pipes = Pipes(volume="/Volumes/main/default/nothing/pipes")
    with pytest.raises(DatabricksRunRefused, match="/Volumes/main/default/nothing"):
        prepare(channel_of(lab.sdk, pipes.folder), session(pipes, Caller("run"), token="t"))


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "body": "busy"},
        {"status": 500, "body": {"error_code": "INTERNAL_ERROR", "message": "oh"}},
        {"effect": "half"},
        {"effect": "reset"},
        {"status": 502, "body": "<html>"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_faults_lose_nothing_and_tell_nothing_twice(
    lab: Lab, faults: Faults, volume: str, method: str, fault: dict[str, Any]
) -> None:
    """The listing is the first GET, the chunk the second one."""
    place = f"{volume}/faulty"
    channel, reader = channel_of(lab.sdk, place), DirectoryReader(resumed=True)
    channel.make(place)
    for offset in range(2):
        channel.put(f"{place}/{offset + 1}.json", log(f"line {offset}"))
    heard: list[str] = []
    for offset in range(2):
        faults.add(path="/api/2.0/fs/*", method=method, count=1, offset=offset, **fault)
        for _ in range(3):
            try:
                found = look(channel, place, reader, over=False)
            except DatabricksUnreachable:
                continue
            heard += [each.message.message for each in found.received if isinstance(each.message, LogLine)]
            discard(channel, place, found)
        faults.clear()
    assert heard == ["line 0", "line 1"]
    assert channel.list(place) == []


def test_too_many_requests_are_waited_for_as_long_as_the_workspace_says(
    lab: Lab, faults: Faults, volume: str
) -> None:
    place = f"{volume}/busy"
    channel, reader = channel_of(lab.sdk, place), DirectoryReader(resumed=True)
    channel.make(place)
    channel.put(f"{place}/1.json", log("hello"))
    faults.add(path="/api/2.0/fs/files/*", method="GET", status=429, retry_after=2, count=1)
    lab.workspace.clear_requests()
    began = time.monotonic()
    found = look(channel, place, reader, over=False)
    assert time.monotonic() - began >= 2
    assert len(found.received) == 1
    # A request is logged when its answer was sent.
    until(lambda: requests(lab) == [("GET", 200), ("GET", 429), ("GET", 200)])


@pytest.mark.parametrize("where", ["volumes", "dbfs"])
def test_the_output_of_code_that_says_nothing_is_read_from_the_logs_of_its_cluster(
    lab: Lab, volume: str, where: str
) -> None:
    destination = f"{volume}/logs" if where == "volumes" else "dbfs:/pipes/logs"
    cluster = {**CLUSTER, "cluster_log_conf": {where: {"destination": destination}}}
    path = put_file(
        lab, "/Shared/uninstrumented.py", "import sys\nprint('é', 1)\nprint('oh', file=sys.stderr)\n"
    )
    body = {"python_file": f"/Workspace{path}"}
    tasks = [{"task_key": "only", "spark_python_task": body, "new_cluster": cluster}]
    run_id = lab.post("/api/2.2/jobs/runs/submit", {"run_name": "logs", "tasks": tasks}).json()["run_id"]
    (task,) = lab.ended(run_id, 60)["tasks"]
    folder = driver_folder(cluster, task["cluster_instance"]["cluster_id"])
    assert folder.startswith(destination.removeprefix("dbfs:"))
    reader = DriverLogReader()
    texts = look_at_driver_logs(channel_of(lab.sdk, folder), folder, reader)
    by_stream = {text.stream: text.text for text in texts}
    assert "é 1" in by_stream["stdout"].split("\n")
    assert "oh" in by_stream["stderr"].split("\n")
    assert look_at_driver_logs(channel_of(lab.sdk, folder), folder, reader) == ()
