"""Both flows of green energy, killed in one step after the other: nothing is doubled, and nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from databricks_flows import analyse_green_energy
from databricks_flows.green_energy.chart import MODULE
from databricks_local import Faults

from .conftest import Stack, task_runs, until
from .faulty_storage import FaultyStorage
from .flow_processes import create_flow_run, run
from .green_lab import Schema, assert_table_is_golden, load, own_schema
from .held_loads import held_load
from .test_crash import DONE_BUT_NOT_ANSWERED, RUN_NOW
from .test_killed_analysis import held_at_chart, held_at_request, kill_when
from .test_storage_faults import storage

__all__ = ["storage"]

LOOK = {"path": "/api/*/jobs/runs/get"}
EXECUTE = {"method": "POST", "path": "/api/2.0/sql/statements"}
KINDS = ("green_efficiency", "not_green_efficiency")
SECONDS = 120


@pytest.fixture
def schema(stack: Stack) -> Iterator[Schema]:
    with own_schema(stack) as own:
        yield own


@contextmanager
def held_at_answer(faults: Faults, call: dict[str, Any]) -> Iterator[Callable[[], bool]]:
    """Hold the answer to a call of the workspace, which has done what was asked for."""
    faults.add(**call, **DONE_BUT_NOT_ANSWERED)
    yield lambda: faults.show()[-1]["applied"] > 0
    faults.clear()


@contextmanager
def held_at_statement(schema: Schema, faults: Faults, text: str, offset: int) -> Iterator[Callable[[], bool]]:
    """Hold the answer to a statement: it is executed, and nobody knows."""
    with held_at_answer(faults, {**EXECUTE, "offset": offset}):
        yield lambda: schema.executed(text) == 1


@contextmanager
def held_at_event(holds: Path, when: str, is_there: Callable[[], bool]) -> Iterator[Callable[[], bool]]:
    """Hold the process before it tells the event, or when Prefect has it."""
    hold = holds / when
    hold.touch()
    yield lambda: hold.with_suffix(".held").exists() and is_there()
    hold.unlink()


def test_a_load_loads_and_tells_once(
    stack: Stack, schema: Schema, storage: FaultyStorage, faults: Faults, tmp_path: Path
) -> None:
    storage.faults.clear()
    flow_run_id = create_flow_run(
        held_load, schema_name=schema.name, staging="faulty-staging", holds=str(tmp_path)
    )
    told = [(schema.asset(), "succeeded", {"rows": 960, "files": 1})]
    for step in (
        held_at_request(storage, "PUT", "/FacilityEfficiency.csv"),
        held_at_request(storage, "PUT", "/_uploaded.json"),
        held_at_statement(schema, faults, "CREATE TABLE", offset=2),
        held_at_statement(schema, faults, "COPY INTO", offset=1),
        held_at_event(tmp_path, "before", lambda: schema.events() == []),
        held_at_event(tmp_path, "after", lambda: schema.events() == told),
    ):
        with step as held:
            kill_when(flow_run_id, held, SECONDS)
    assert run(flow_run_id, SECONDS) == "COMPLETED"
    assert schema.count() == 960
    done = {text: schema.executed(text) for text in ("CREATE SCHEMA", "CREATE TABLE", "COPY INTO")}
    assert set(done.values()) == {1}, done
    assert schema.events() == told
    staged = [name.rpartition("/")[2] for name in stack.objects() if f"/{schema.name}/" in name]
    assert sorted(staged) == ["FacilityEfficiency.csv", "_uploaded.json"]


def test_an_analysis_is_one_run_of_each_notebook(schema: Schema, faults: Faults, tmp_path: Path) -> None:
    load(schema)
    jobs = schema.stack.databricks().jobs
    before = {found.run_id for found in jobs.list_runs()}
    flow_run_id = create_flow_run(
        analyse_green_energy,
        department="Logistics",
        schema_name=schema.name,
        output_directory=str(tmp_path / "out"),
    )
    for step in (
        held_at_answer(faults, RUN_NOW),
        held_at_answer(faults, LOOK),
        held_at_answer(faults, EXECUTE),
        held_at_chart(flow_run_id, MODULE),
    ):
        with step as held:
            kill_when(flow_run_id, held, SECONDS)
    assert run(flow_run_id, SECONDS) == "COMPLETED"
    [ours] = [found for found in jobs.list_runs(expand_tasks=True) if found.run_id not in before]
    assert [task.attempt_number for task in ours.tasks or ()] == [0] * 5
    until(lambda: len(task_runs(flow_run_id)) == 5)
    assert [schema.executed(f"SELECT * FROM `main`.`{schema.name}`.`{kind}") for kind in KINDS] == [1, 1]
    assert_table_is_golden(tmp_path / "out" / "green_energy.csv", ["Logistics"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "green_energy.csv",
        "green_energy.png",
    ]
