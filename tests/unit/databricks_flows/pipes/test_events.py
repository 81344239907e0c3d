"""Messages become events that say the same in every process."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from databricks_blocks.pipes.metadata import Metadata
from databricks_blocks.pipes.protocol import AssetCheck, CustomMessage, LogLine, Materialization
from databricks_blocks.pipes.received import Received
from databricks_flows.pipes.events import Origin, asset_id, event_of

ORIGIN = Origin(
    "https://adb-1.example", "/Volumes/a/b/c/x", "load", "https://adb-1.example/run/7", "2026-11-27"
)
TIME = datetime(2026, 11, 27, tzinfo=UTC)


def received(message: Any, key: str = "1.json@5#2") -> Received:
    return Received(message, 1, "1.json", 2, TIME, key)


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("main/sales", "databricks://adb-1.example/main/sales"),
        (r"main/a\/b", "databricks://adb-1.example/main/a/b"),
        ("s3://bucket/sales", "s3://bucket/sales"),
        ("unity-catalog://x", "databricks://adb-1.example/unity-catalog://x"),
        ("täglich, neu?#1", "databricks://adb-1.example/täglich,-neu--1"),
        ("a\ud800\x00b", "databricks://adb-1.example/a--b"),
        ("x" * 600, ("databricks://adb-1.example/" + "x" * 600)[:512]),
    ],
)
def test_the_id_of_an_asset_is_one_that_prefect_takes(key: str, wanted: str) -> None:
    assert asset_id(key, "adb-1.example") == wanted


def test_an_asset_is_an_asset_event_with_metadata_upstream_and_link() -> None:
    lineage = {"deps_by_column": {"n": [{"asset_key": "main/raw", "column_name": "m"}, "odd"], "o": None}}
    made = Materialization(
        "main/sales",
        "v1",
        {
            "rows": Metadata(3),
            "nan": Metadata(float("nan")),
            "from": Metadata("s3://bucket/raw", "asset"),
            "lineage": Metadata(lineage, "table_column_lineage"),
        },
    )
    event = event_of(received(made), ORIGIN)
    assert event is not None
    assert event["event"] == "prefect.asset.materialization.succeeded"
    assert event["resource"] == {
        "prefect.resource.id": "databricks://adb-1.example/main/sales",
        "prefect.resource.name": "main/sales",
        "prefect.asset.url": "https://adb-1.example/run/7",
    }
    assert event["related"] == [
        {"prefect.resource.id": "s3://bucket/raw", "prefect.resource.role": "asset"},
        {"prefect.resource.id": "databricks://adb-1.example/main/raw", "prefect.resource.role": "asset"},
        {"prefect.resource.id": "databricks", "prefect.resource.role": "asset-materialized-by"},
    ]
    said = {"data_version": "v1", "partition_key": "2026-11-27", "rows": 3, "nan": "NaN"}
    assert said.items() <= event["payload"].items()
    assert event["occurred"] == TIME


@pytest.mark.parametrize(("passed", "name"), [(True, "passed"), (False, "failed")])
def test_a_check_is_an_event_with_labels(passed: bool, name: str) -> None:
    event = event_of(received(AssetCheck("main/sales", "no\nnulls", passed, "WARN")), ORIGIN)
    assert event is not None
    assert event["event"] == f"databricks.asset.check.{name}"
    labels = {"databricks.check.name": "no nulls", "databricks.check.severity": "WARN"}
    assert labels.items() <= event["resource"].items()
    assert event["payload"]["check_name"] == "no nulls"


def test_a_message_is_an_event_that_json_can_hold() -> None:
    event = event_of(received(CustomMessage({"a": float("inf"), "b": "\ud800"})), ORIGIN)
    assert event is not None
    assert event["payload"] == {"message": {"a": "Infinity", "b": "\\ud800"}}


def test_a_line_is_no_event() -> None:
    assert event_of(received(LogLine("hello")), ORIGIN) is None


def test_the_same_message_has_the_same_id_and_another_one_another() -> None:
    def id_of(key: str, directory: str) -> Any:
        event = event_of(received(CustomMessage(1), key), Origin("https://h", directory))
        return event and event["id"]

    assert id_of("k", "/d") == id_of("k", "/d")
    assert len({id_of("k", "/d"), id_of("l", "/d"), id_of("k", "/e")}) == 3
