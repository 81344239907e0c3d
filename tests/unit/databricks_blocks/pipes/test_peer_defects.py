"""What goes wrong with dagster-databricks and the reader of Dagster, and not here; one test each.

Those that concern the flow, its ending and its restart, are in the tests of the flow, in tests/e2e: a cancel
that is returned as a success and a second run after a crash in test_pipes_endings, a folder that is not there
in test_pipes.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.job.validation import check
from databricks_blocks.pipes.bootstrap import Caller, bootstrap
from databricks_blocks.pipes.driver_logs import DriverLogReader, driver_folder
from databricks_blocks.pipes.looking import look_at_driver_logs
from databricks_blocks.pipes.pipes import Pipes, PipesResult
from databricks_blocks.pipes.protocol import Materialization, Opened
from databricks_blocks.pipes.results import pipes_result

from .pipes_lab import CLOSED, OPENED, Place, log, said

PIPES = Pipes(volume="/Volumes/main/ops/pipes", partition_key="2026-11-27")
CLUSTER = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1}
MADE = said("report_asset_materialization", asset_key="main/daily", data_version="v1", metadata=None)
CHECKED = said(
    "report_asset_check", asset_key="main/daily", check_name="no_nulls", passed=False, severity="WARN",
    metadata={"nulls": {"raw_value": 3, "type": "int"}},
)  # fmt: skip


def output(place: Place, reader: DriverLogReader) -> str:
    return "\n".join(text.text for text in look_at_driver_logs(place, "/logs", reader))


def test_a_materialization_is_there_at_once_and_not_when_the_run_has_ended() -> None:
    place = Place()
    place.write(1, OPENED, MADE)
    found = place.look()
    assert [type(each.message) for each in found.received] == [Opened, Materialization]


def test_logs_and_chunks_beyond_512_kib_are_read() -> None:
    long = "x" * 700_000
    place = Place()
    place.write(1, OPENED, log(long), log("end"), CLOSED)
    place.look()
    assert place.lines == [long, "end"]
    logs, reader = Place(), DriverLogReader()
    logs.write_bytes("stdout", f"{long}\nend\n".encode())
    assert output(logs, reader) == f"{long}\nend"


def test_logs_that_did_not_grow_are_not_downloaded_again() -> None:
    place, reader = Place(), DriverLogReader()
    place.write_bytes("stdout", b"a\n")
    output(place, reader)
    place.requests.clear()
    assert output(place, reader) == ""
    assert place.requests == ["list"]


@pytest.mark.parametrize("beginning", [b"", "é".encode()[:1]])
def test_an_empty_log_or_half_a_character_ends_nothing(beginning: bytes) -> None:
    place, reader = Place(), DriverLogReader()
    place.write_bytes("stdout", beginning)
    assert output(place, reader) == ""
    place.write_bytes("stdout", "é\n".encode())
    assert output(place, reader) == "é"


def test_later_hours_of_a_long_run_are_not_cut_by_the_position_in_the_first() -> None:
    place, reader = Place(), DriverLogReader()
    place.write_bytes("stdout", b"a long first hour\n")
    output(place, reader)
    place.write_bytes("stdout--2026-11-27--18-00", b"a long first hour\nits end\n")
    place.write_bytes("stdout", b"short\n")
    assert output(place, reader) == "its end\nshort"


def test_logs_are_found_on_volumes_too() -> None:
    settings = {"cluster_log_conf": {"volumes": {"destination": "/Volumes/main/ops/logs"}}}
    assert driver_folder(settings, "id") == "/Volumes/main/ops/logs/id/driver"


def test_dagster_26434_a_message_without_extras_is_no_key_error() -> None:
    place = Place()
    place.write(
        1,
        said("opened"),
        said("log_external_stream", stream="stdout", text="a\n"),
        json.dumps({"method": "closed"}),
    )
    place.look(over=True)
    place.finish()
    assert len(place.received) == 3
    assert place.warnings == ["1.json, line 3: version None of the protocol is not known; read as 0.1"]


@pytest.mark.parametrize("launch", ["submit", "run_now"])
@pytest.mark.parametrize(
    "where",
    [
        {"job_cluster_key": "shared"},
        {"environment_key": "default"},
        {"existing_cluster_id": "0101-000000-abc"},
        {"new_cluster": CLUSTER},
        {},
    ],
)
def test_dagster_22021_a_task_speaks_on_any_compute(where: dict[str, Any], launch: str) -> None:
    job = JobSpecification(
        name="nightly",
        launch=launch,
        tasks=[notebook_task("only", "/Shared/a", **where)],
        job_clusters={"shared": CLUSTER},
        environments={"default": {"environment_version": "2"}},
    )
    made = bootstrap(job, PIPES, Caller("run"), token="t")
    check(made.specification)
    assert [task.task_key for task in made.session.tasks] == ["only"]


def test_dagster_33700_each_task_has_a_directory_of_its_own() -> None:
    tasks = [notebook_task(key, "/Shared/same", job_cluster_key="shared") for key in ("a", "b", "c")]
    job = JobSpecification(name="nightly", tasks=tasks, job_clusters={"shared": CLUSTER})
    made = bootstrap(job, PIPES, Caller("run"), token="t")
    assert len({task.directory for task in made.session.tasks}) == 3


def test_dagster_22094_code_that_opens_twice_is_heard_twice() -> None:
    place = Place()
    place.write(1, OPENED, log("a"), CLOSED)
    place.look()
    place.write(1, OPENED, log("b"), CLOSED)
    place.look(over=True)
    place.finish()
    assert place.attempts == [(1, "a"), (2, "b")]
    assert place.warnings == []


def test_dagster_22112_a_result_knows_its_partition() -> None:
    place = Place()
    place.write(1, OPENED, MADE, CHECKED, said("report_custom_message", payload=[1]), CLOSED)
    place.look()
    result = pipes_result([("load", each) for each in place.received], PIPES.partition_key)
    (asset,), (checked,) = result.assets, result.checks
    assert (asset.task_key, asset.attempt, asset.data_version) == ("load", 1, "v1")
    assert asset.partition_key == checked.partition_key == "2026-11-27"
    assert (checked.passed, checked.severity, checked.metadata["nulls"].plain) == (False, "WARN", 3)
    assert result.messages == ([1],)


def test_dagster_22117_code_that_returns_no_results_has_none_and_fails_nothing() -> None:
    place = Place()
    place.write(1, OPENED, CLOSED)
    place.look(over=True)
    place.finish()
    assert pipes_result([("load", each) for each in place.received], "") == PipesResult()
    assert place.warnings == []


def test_dagster_17868_silence_is_told() -> None:
    place = Place()
    place.look(over=True)
    place.look(over=True)
    place.finish()
    assert place.warnings[0].startswith("nothing was heard of it")


def test_a_message_that_is_not_known_ends_no_reader() -> None:
    place = Place()
    place.write(1, OPENED, said("report_weather"), log("a"), CLOSED)
    place.look()
    assert place.lines == ["a"]
    assert "report_weather" in place.warnings[0]
