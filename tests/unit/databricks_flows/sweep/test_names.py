"""A leftover is known by its exact name."""

from __future__ import annotations

from uuid import UUID

import pytest
from databricks_blocks.database.leftovers import run_names
from databricks_flows.sweep.names import flow_run_named, ids_in

ID = UUID("0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("tables", f"run_{ID.hex}"),
        ("staged files", str(ID)),
        ("output folder", f".shw-{ID}"),
        ("output folder", f".green-energy-{ID}"),
    ],
)
def test_the_name_that_a_flow_run_gives_holds_its_id(what: str, name: str) -> None:
    assert flow_run_named(what, name) == ID


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("tables", "run_abc"),
        ("tables", f"run_{ID.hex}_x"),
        ("tables", f"run_{ID.hex.upper()}"),
        ("tables", f"run_{ID}"),
        ("tables", f"RUN_{ID.hex}"),
        ("tables", f"run_{ID.hex}\n"),
        ("tables", f"my_run_{ID.hex}"),
        ("staged files", f"{ID}-copy"),
        ("staged files", f"run-{ID}"),
        ("staged files", ID.hex),
        ("staged files", f"{{{ID}}}"),
        ("staged files", str(ID).upper()),
        ("output folder", f"shw-{ID}"),
        ("output folder", f".shw-{ID}.bak"),
        ("output folder", ".shw-"),
        ("output folder", ".green-energy"),
        ("output folder", f".green_energy-{ID}"),
    ],
)
def test_a_name_that_only_looks_alike_is_not_ours(what: str, name: str) -> None:
    assert flow_run_named(what, name) is None


def test_runs_are_found_in_the_names_of_tables() -> None:
    other = "f" * 32
    tables = [f"run_{ID.hex}_solar", f"run_{ID.hex}_wind", f"run_{other}_x", f"run_{ID.hex}", "run_abc_solar"]
    assert run_names([*tables, f"run_{'g' * 32}_x", f"run_{other[1:]}_x", f"my_run_{other}_x"]) == [
        f"run_{ID.hex}",
        f"run_{other}",
    ]


def test_ids_are_found_in_a_text() -> None:
    assert ids_in(f"{{'run_name': 'renewable-analysis-{ID}', 'id': '{ID.hex}'}}") == {ID}
