"""Messages of tasks, in which any text may be."""

import json
from typing import Any

import pytest
from databricks_local.execution.channel import read_message


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"error": "No such file: 'caf\udce9'"}, {"error": "No such file: 'caf\\udce9'"}),
        ({"a": [{"\udc00": ["\ud800", None, 1, True]}]}, {"a": [{"\\udc00": ["\\ud800", None, 1, True]}]}),
        ({"a": "\U0001f600 é \\ud800"}, {"a": "\U0001f600 é \\ud800"}),
        ({"a": "plain"}, {"a": "plain"}),
    ],
)
def test_lone_surrogates_become_text(sent: dict[str, Any], read: dict[str, Any]) -> None:
    found = read_message(json.dumps(sent).encode())
    assert found == read
    json.dumps(found, ensure_ascii=False).encode()
