"""No line, however odd, raises: a wrong type in any field of any message."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from databricks_blocks.pipes.message_lines import read_line
from databricks_blocks.pipes.protocol import Malformed, Materialization
from hypothesis import given
from hypothesis import strategies as st

TABLE = {"raw_value": {"records": [{"a": 1}]}, "type": "table"}
MESSAGES: list[dict[str, Any]] = [
    {"method": "opened", "params": {"extras": {}}},
    {"method": "closed", "params": {"exception": {"message": "m", "stack": ["s"], "name": "n", "cause": {}}}},
    {"method": "log", "params": {"message": "m", "level": "INFO"}, "timestamp": 1.5, "logger": "a"},
    {
        "method": "report_asset_materialization",
        "params": {"asset_key": "k", "data_version": "v", "metadata": {"rows": TABLE}},
    },
    {
        "method": "report_asset_check",
        "params": {
            "asset_key": "k",
            "check_name": "c",
            "passed": True,
            "severity": "WARN",
            "metadata": {"n": {"raw_value": 1, "type": "int"}},
        },
    },
    {"method": "report_custom_message", "params": {"payload": {"a": 1}}},
    {"method": "log_external_stream", "params": {"stream": "stdout", "text": "t", "extras": {}}},
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def paths(value: Any, here: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The ways to all values of a message."""
    if not isinstance(value, dict):
        return [here]
    inner = [path for name, item in value.items() for path in paths(item, (*here, name))]
    return [here, *inner] if here else inner


PLACES = [(message, path) for message in MESSAGES for path in paths(message)]


@given(place=st.sampled_from(PLACES), value=ANYTHING)
def test_any_value_in_any_field_is_read_or_malformed(
    place: tuple[dict[str, Any], tuple[str, ...]], value: Any
) -> None:
    message, path = place
    changed = copy.deepcopy(message)
    holder = changed
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    read, _ = read_line(json.dumps({"__dagster_pipes_version": "0.1", **changed}))
    assert read is not None
    if isinstance(read, Materialization):
        assert len([each.plain for each in read.metadata.values()]) == len(read.metadata)


@pytest.mark.parametrize("kind", [["int", "null"], {}, 1, None, True])
def test_a_type_that_is_no_text_is_told_and_shown_as_it_looks(kind: Any) -> None:
    params = {"asset_key": "k", "metadata": {"column": {"raw_value": 1, "type": kind}}}
    line = {"__dagster_pipes_version": "0.1", "method": "report_asset_materialization", "params": params}
    read, notes = read_line(json.dumps(line))
    assert isinstance(read, Materialization)
    assert read.metadata["column"].plain == 1
    assert len(notes) == 1


def test_a_time_beyond_all_numbers_is_no_time() -> None:
    line = (
        '{"__dagster_pipes_version":"0.1","method":"log","params":{"message":"x"},"timestamp":1' + "0" * 400
    )
    read, _ = read_line(line + "}")
    assert not isinstance(read, Malformed)
    assert read.timestamp is None
