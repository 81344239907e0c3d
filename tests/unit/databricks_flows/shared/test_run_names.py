"""A flow run keeps the name that a person typed, and gets one that says what it does where nobody did."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from databricks_flows.shared.run_names import is_generated, named
from prefect.runtime import flow_run
from prefect.utilities.names import generate_slug


@pytest.mark.parametrize("name", ["omega2-aquarii", "mu-lyrae-void", "beta-arae-x"])
def test_names_that_the_form_of_the_ui_makes_up_are_known(name: str) -> None:
    assert is_generated(name)


def test_names_that_prefect_makes_up_are_known() -> None:
    assert [name for name in (generate_slug(2) for _ in range(200)) if not is_generated(name)] == []


@pytest.mark.parametrize(
    "name",
    ["", "nightly-load", "Switzerland", "all countries", "first try", "beta-test!", "Peru, Chile", "x-1"],
)
def test_names_that_people_type_are_not_taken_for_those(name: str) -> None:
    assert not is_generated(name)


@pytest.mark.parametrize(
    ("given", "shown"),
    [("brave-otter", "load 7"), (None, "load 7"), ("for the board", "for the board")],
)
def test_the_name_of_a_run(given: str | None, shown: str) -> None:
    def lookup(_: Any, name: str) -> Any:
        return {"name": given, "parameters": {"run": 7}}[name]

    with patch.object(flow_run, "__getattr__", lambda name: lookup(None, name)):
        assert named(lambda parameters: f"load {parameters['run']}")() == shown


def test_long_names_are_cut() -> None:
    values = {"name": "", "parameters": {}}
    with patch.object(flow_run, "__getattr__", lambda name: values[name]):
        assert len(named(lambda _: "x" * 1000)()) == 100
