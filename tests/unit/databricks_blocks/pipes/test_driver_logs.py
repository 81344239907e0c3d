"""The logs of a driver, hour by hour, each line once."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import DatabricksTask
from databricks_blocks.pipes.channel import Entry
from databricks_blocks.pipes.driver_logs import DriverLogReader, cluster_settings, driver_folder
from databricks_blocks.pipes.looking import look_at_driver_logs

from .pipes_lab import Place


def heard(place: Place, reader: DriverLogReader, stream: str = "stdout") -> list[str]:
    texts = look_at_driver_logs(place, "/logs", reader)
    return [line for text in texts if text.stream == stream for line in text.text.split("\n")]


def test_what_is_appended_is_read_once() -> None:
    place, reader = Place(), DriverLogReader()
    place.write_bytes("stdout", b"a\nb")
    place.write_bytes("stderr", b"")
    place.write_bytes("log4j-active.log", b"no\n")
    assert heard(place, reader) == ["a"]
    place.requests.clear()
    assert heard(place, reader) == []
    assert place.requests == ["list"]
    place.write_bytes("stdout", b"a\nb\nc\n")
    place.write_bytes("stderr", b"oh\n")
    texts = look_at_driver_logs(place, "/logs", reader)
    assert [(text.stream, text.text) for text in texts] == [("stderr", "oh"), ("stdout", "b\nc")]


def test_half_a_character_and_an_empty_file_end_nothing() -> None:
    place, reader = Place(), DriverLogReader()
    text = "é\n".encode()
    place.write_bytes("stdout", b"")
    assert heard(place, reader) == []
    place.write_bytes("stdout", text[:1])
    assert heard(place, reader) == []
    place.write_bytes("stdout", text)
    assert heard(place, reader) == ["é"]


def test_more_than_one_read_takes() -> None:
    lines = [f"line {number}" for number in range(900_000)]
    content = "\n".join([*lines, ""]).encode()
    place, reader, found = Place(), DriverLogReader(), []
    place.write_bytes("stdout", content)
    place.write_bytes("stdout--2026-11-27--18-00", b"before\n")
    while lines_now := heard(place, reader):
        found += lines_now
    assert found == ["before", *lines]


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_archives_are_followed_through_the_hours(ending: str) -> None:
    def packed(content: bytes) -> bytes:
        return gzip.compress(content) if ending else content

    place, reader = Place(), DriverLogReader()
    place.write_bytes("stdout", b"a\nb\n")
    assert heard(place, reader) == ["a", "b"]
    # The new hour is there before the archive of the last one.
    place.write_bytes("stdout", b"d\n")
    assert heard(place, reader) == ["d"]
    place.write_bytes(f"stdout--2026-11-27--18-00{ending}", packed(b"a\nb\nc\n"))
    assert heard(place, reader) == ["c"]
    # Two hours at once.
    place.write_bytes(f"stdout--2026-11-27--19-00{ending}", packed(b"d\ne\n"))
    place.write_bytes(f"stdout--2026-11-27--20-00{ending}", packed(b"f\n"))
    place.write_bytes("stdout", b"g\n")
    assert heard(place, reader) == ["e", "f", "g"]
    assert heard(place, reader) == []


def test_half_an_archive_is_read_again() -> None:
    place, reader = Place(), DriverLogReader()
    whole = gzip.compress(b"a\nb\n")
    place.write_bytes("stdout--2026-11-27--18-00.gz", whole[:10])
    place.write_bytes("stdout", b"c\n")
    assert heard(place, reader) == []
    place.write_bytes("stdout--2026-11-27--18-00.gz", whole)
    assert heard(place, reader) == ["a", "b", "c"]


def test_what_others_wrote_before_is_left_out() -> None:
    place, reader = Place(), DriverLogReader(skip_present=True)
    place.write_bytes("stdout--2026-11-27--18-00", b"theirs\n")
    place.write_bytes("stdout", b"theirs\n")
    assert heard(place, reader) == []
    place.write_bytes("stdout", b"theirs\nours\n")
    assert heard(place, reader) == ["ours"]
    place.write_bytes("stdout--2026-11-27--19-00", b"theirs\nours\nand this\n")
    place.write_bytes("stdout", b"")
    assert heard(place, reader) == ["and this"]


def test_a_line_without_an_end_comes_at_the_end() -> None:
    place, reader = Place(), DriverLogReader()
    place.write_bytes("stdout", b"no end")
    assert heard(place, reader) == []
    assert [text.text for text in reader.rest()] == ["no end"]
    assert reader.rest() == ()


def test_a_file_that_is_gone_is_no_error() -> None:
    reader = DriverLogReader()
    reader.begin([Entry("stdout", 5, 1)])
    assert reader.next() == ("stdout", 0)
    reader.take(None)
    assert reader.end() == ()


@pytest.mark.parametrize(
    ("configured", "folder"),
    [
        ({"volumes": {"destination": "/Volumes/a/b/c/logs/"}}, "/Volumes/a/b/c/logs/id/driver"),
        ({"dbfs": {"destination": "dbfs:/logs"}}, "/logs/id/driver"),
        ({"s3": {"destination": "s3://a/b", "region": "eu"}}, ""),
        (None, ""),
    ],
)
def test_where_a_cluster_delivers(configured: Any, folder: str) -> None:
    assert driver_folder({"cluster_log_conf": configured}, "id") == folder


def test_the_settings_of_the_cluster_of_a_task() -> None:
    own, shared = {"spark_version": "own"}, {"spark_version": "shared"}
    notebook = {"notebook_task": {"notebook_path": "/a"}}
    nested = {"task_key": "each", **notebook, "new_cluster": own}
    job = JobSpecification(
        name="nightly",
        job_clusters={"main": shared},
        tasks=[
            DatabricksTask(task_key="own", body=notebook, new_cluster=own),
            DatabricksTask(task_key="shared", body=notebook, job_cluster_key="main"),
            DatabricksTask(task_key="loop", body={"for_each_task": {"inputs": "[1]", "task": nested}}),
            DatabricksTask(task_key="existing", body=notebook, existing_cluster_id="id"),
        ],
    )
    found = [cluster_settings(job, key) for key in ("own", "shared", "loop", "existing", "no task")]
    assert found == [own, shared, own, None, None]
