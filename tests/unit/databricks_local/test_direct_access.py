"""The environment of the process that starts a workspace is as it was when the workspace has ended."""

from __future__ import annotations

import pytest
from databricks_local.local_workspace import DirectAccess

DIRECT = "127.0.0.1,localhost"


@pytest.mark.parametrize("before", [{}, {"NO_PROXY": "intranet.example", "HOME": "/h"}, {"no_proxy": "*"}])
def test_what_was_set_is_set_again(before: dict[str, str]) -> None:
    environment = dict(before)
    access = DirectAccess(environment)
    for _ in range(2):
        access.begin()
        assert environment["NO_PROXY"].endswith((DIRECT, "*"))
        access.end()
        assert environment == before


def test_it_lasts_as_long_as_one_workspace_runs() -> None:
    environment: dict[str, str] = {}
    access = DirectAccess(environment)
    access.begin()
    access.begin()
    access.end()
    assert environment == {"NO_PROXY": DIRECT, "no_proxy": DIRECT}
    access.end()
    assert environment == {}


def test_what_the_test_sets_meanwhile_stays() -> None:
    environment: dict[str, str] = {}
    access = DirectAccess(environment)
    access.begin()
    environment["NO_PROXY"] = "mine"
    access.end()
    assert environment == {"NO_PROXY": "mine"}
