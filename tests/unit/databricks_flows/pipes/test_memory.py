"""What was heard can be read again by a retry, as it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from databricks_blocks.pipes.metadata import Metadata
from databricks_blocks.pipes.protocol import AssetCheck, CustomMessage, Materialization
from databricks_blocks.pipes.received import Received
from databricks_flows.pipes.memory import read_memory, write_memory

TIME = datetime(2026, 11, 27, 12, 0, 0, 7, tzinfo=UTC)
MESSAGES = [
    Materialization("main/sales", "v1", {"rows": Metadata(3), "odd": Metadata("\ud800\x00", "text")}),
    Materialization("main/raw"),
    AssetCheck("main/sales", "no_nulls", False, "WARN", {"nulls": Metadata(1.5, "float")}),
    CustomMessage({"a": [1, None, "ä"]}),
]
HEARD = [("load", Received(each, 2, "1.json", n, TIME, f"k{n}")) for n, each in enumerate(MESSAGES)]


def test_it_is_read_as_it_was_written() -> None:
    text = write_memory("/d", HEARD)
    assert read_memory([text], "/d") == HEARD
    assert "\x00" not in text
    text.encode()


@pytest.mark.parametrize(
    "text", [None, "", "[]", "{}", '{"directory": "/d"}', '{"directory": "/d", "heard": [1]}']
)
def test_what_is_no_memory_is_nothing(text: str | None) -> None:
    assert read_memory([text], "/d") == []


def test_the_memory_of_another_session_is_left_alone() -> None:
    assert read_memory([write_memory("/e", HEARD)], "/d") == []


def test_it_is_json_that_others_can_read() -> None:
    assert json.loads(write_memory("/d", HEARD))["heard"][0]["kind"] == "asset"


def test_pages_are_read_as_one_and_what_was_forgotten_is_gone() -> None:
    pages = [write_memory("/d", HEARD[:1]), write_memory("/d", HEARD[1:2])]
    assert read_memory(pages, "/d") == HEARD[:2]
    assert read_memory([*pages, write_memory("/d", HEARD[2:3], forgets=True)], "/d") == HEARD[2:3]
