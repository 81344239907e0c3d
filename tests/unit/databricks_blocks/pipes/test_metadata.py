"""Metadata of each type of the protocol, as events, artifacts and people take them."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from dagster_pipes import PipesMetadataType, to_asset_key_path
from databricks_blocks.pipes.metadata import TYPES, Metadata, json_safe
from databricks_blocks.pipes.protocol import asset_key_parts

RECORDS = [{"a": 1, "b": None}, {"a": 2.5, "b": "x|y"}]
CASES: list[tuple[str, Any, Any, str]] = [
    ("__infer__", 3, 3, "3"),
    ("__infer__", "a|b", "a|b", r"a\|b"),
    ("__infer__", float("nan"), "NaN", "NaN"),
    ("__infer__", "https://example.com", "https://example.com", r"https\://example.com"),
    ("text", "x", "x", "x"),
    (
        "url",
        "https://example.com/a b",
        "https://example.com/a b",
        r"[https\://example.com/a b](https://example.com/a%20b)",
    ),
    ("url", "javascript:alert(1)", "javascript:alert(1)", "javascript:alert(1)"),
    ("path", "/Volumes/a", "/Volumes/a", "/Volumes/a"),
    ("notebook", "/Shared/a.ipynb", "/Shared/a.ipynb", "/Shared/a.ipynb"),
    ("json", {"a": [1, float("inf")]}, {"a": [1, "Infinity"]}, r'{"a": \[1, "Infinity"\]}'),
    ("md", "# a", "# a", r"\# a"),
    ("float", 1.5, 1.5, "1.5"),
    ("int", 10**20, 10**20, "1" + "0" * 20),
    ("bool", True, True, "true"),
    ("dagster_run", "a-run", "a-run", "a-run"),
    ("asset", "a/b", "a/b", "a/b"),
    ("null", None, None, ""),
    ("table", {"records": RECORDS, "schema": {"columns": []}}, RECORDS, "2 rows"),
    ("table", {"records": [1], "schema": None}, [{"value": 1}], "1 row"),
    ("table_schema", {"columns": [{"name": "a", "type": "int"}]}, [{"name": "a", "type": "int"}], "1 row"),
    ("table_column_lineage", {"deps_by_column": {"a": []}}, {"a": []}, r'{"a": \[\]}'),
    ("timestamp", 1_790_000_000, "2026-09-21T14:13:20+00:00", r"2026-09-21T14:13:20+00:00"),
    ("timestamp", 1e300, 1e300, "1e+300"),
    ("timestamp", "today", "today", "today"),
    ("table", "no table", "no table", "no table"),
    ("text", "half \ud800", "half \\ud800", r"half \\ud800"),
]


@pytest.mark.parametrize(("kind", "raw", "plain", "markdown"), CASES)
def test_a_value_is_what_people_and_events_can_take(kind: str, raw: Any, plain: Any, markdown: str) -> None:
    metadata = Metadata(raw, kind)
    assert metadata.plain == plain
    assert metadata.markdown == markdown
    # As JSON and in UTF-8, as the server takes them.
    json.dumps(metadata.plain, allow_nan=False, ensure_ascii=False).encode()
    metadata.markdown.encode()


def test_every_type_of_the_package_is_known() -> None:
    assert set(get_args(PipesMetadataType)) == set(TYPES) == {case[0] for case in CASES}


def test_a_payload_for_an_event() -> None:
    assert json_safe({"a": [float("-inf"), {"b\ud800": None}], "n": True}) == {
        "a": ["-Infinity", {"b\\ud800": None}],
        "n": True,
    }


@pytest.mark.parametrize("key", ["a", "a/b", r"a\/b/c", r"a\\/b", r"a\x", "", "a//b", "é/ü"])
def test_the_parts_of_an_asset_key_are_those_of_the_package(key: str) -> None:
    assert asset_key_parts(key) == to_asset_key_path(key)
