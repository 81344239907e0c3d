"""What tests of the green energy pipeline share: a schema of their own, SQL, events, files."""

from __future__ import annotations

import asyncio
import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from databricks.sdk.service.sql import StatementState
from dbflow.run import send_what_is_queued
from prefect import get_client

from .conftest import Stack
from .green_results import FACILITIES, KINDS, golden

ASSET_EVENTS = "prefect.asset.materialization."


@dataclass(frozen=True)
class Schema:
    """A schema for one test, seen from outside the project's own code."""

    stack: Stack
    name: str

    def rows(self, statement: str) -> list[list[Any]]:
        """The rows of a statement that begins in this schema."""
        client = self.stack.databricks()
        [warehouse] = [one for one in client.warehouses.list() if one.name == "Starter Warehouse"]
        assert warehouse.id
        answer = client.statement_execution.execute_statement(
            statement, warehouse.id, catalog="main", schema=self.name, wait_timeout="50s"
        )
        assert answer.status
        assert answer.status.state is StatementState.SUCCEEDED, answer.status
        return (answer.result and answer.result.data_array) or []

    def count(self, table: str = "facilityefficiency") -> int:
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])

    def statements(self, text: str) -> list[str]:
        """Ids of the statements in the query history that begin with a text and name this schema."""
        found = self.stack.databricks().query_history.list(max_results=500).res or []
        texts = {one.query_id or "": one.query_text or "" for one in found}
        return [name for name, whole in texts.items() if whole.startswith(text) and self.name in whole]

    def executed(self, text: str) -> int:
        """How many statements of the query history begin with a text and name this schema."""
        return len(self.statements(text))

    def asset(self, table: str = "facilityefficiency") -> str:
        return f"databricks://main/{self.name}/{table}"

    def events(self) -> list[tuple[str, str, dict[str, Any]]]:
        """The events of tables of this schema: asset, what happened, payload."""
        send_what_is_queued()
        # By the asset: an answer has 50 events at most, and other tests make some, too.
        wanted = {
            "event": {"prefix": [ASSET_EVENTS]},
            "resource": {"id_prefix": [f"databricks://main/{self.name}/"]},
            "order": "ASC",
        }
        with get_client(sync_client=True) as client:
            answer = client.request("POST", "/events/filter", json={"filter": wanted, "limit": 50})
        return [
            (
                event["resource"]["prefect.resource.id"],
                event["event"].removeprefix(ASSET_EVENTS),
                event["payload"],
            )
            for event in answer.json()["events"]
        ]


@contextmanager
def own_schema(stack: Stack) -> Iterator[Schema]:
    """A schema that is gone afterwards, with the files that were staged for it."""
    schema = Schema(stack, f"elt_{uuid4().hex[:8]}")
    try:
        yield schema
    finally:
        remove(stack, schema.name)


def remove(stack: Stack, schema: str) -> None:
    """Remove a schema with its tables, and the files that were staged for it."""
    client = stack.databricks()
    if schema in [one.name for one in client.schemas.list("main")]:
        client.schemas.delete(f"main.{schema}", force=True)
    for name in stack.objects():
        if name.startswith(f"main/{schema}/"):
            stack.s3.delete_object(Bucket=stack.endpoints.s3.bucket, Key=name)


def load(schema: Schema, directory: Path | None = None, **parameters: Any) -> Any:
    """Run the load in this process."""
    from databricks_flows import load_green_energy

    where = str(directory) if directory else ""
    return asyncio.run(load_green_energy(where, schema_name=schema.name, **parameters))


def analyse(schema: Schema, department: str, output: Path | None = None, **parameters: Any) -> Any:
    """Run the analysis in this process."""
    from databricks_flows import analyse_green_energy

    where = str(output) if output else ""
    return asyncio.run(
        analyse_green_energy(department, schema_name=schema.name, output_directory=where, **parameters)
    )


def copy_of_the_data(folder: Path) -> Path:
    """A folder with the data of the package."""
    folder.mkdir(parents=True)
    shutil.copy(FACILITIES, folder)
    return folder


def assert_table_is_golden(path: Path, departments: list[str], data: Path = FACILITIES) -> None:
    """Check the CSV file of an analysis: its form to the byte, its values to 1e-9."""
    text = path.read_bytes().decode()
    assert text.endswith("\n")
    assert "\r" not in text
    header, *lines = text.splitlines()
    assert header == (
        "Department,IsGreenEnergyInitiative,TS,AvgAmtPowerUse,AvgAmtPowerReturnedToGrid,AvgAmtProductOutput,"
        "AvgAmtNetPowerConsumption,Efficiency"
    )
    expected = [
        (department, kind, day)
        for department in sorted(departments)
        for kind in reversed(KINDS)
        for day in golden(department, kind, data).days
    ]
    rows = list(csv.reader(lines))
    assert [(row[0], row[1], row[2]) for row in rows] == [
        (department, "true" if kind == "green" else "false", day[0]) for department, kind, day in expected
    ]
    for row, (_, _, day) in zip(rows, expected, strict=True):
        values = [float(value) if value else None for value in row[3:]]
        assert [value is None for value in values] == [value is None for value in day[1:]]
        right = [value for value in day[1:] if value is not None]
        assert [value for value in values if value is not None] == pytest.approx(right, abs=1e-9)
        # All digits: what is written gives the same number again.
        assert all(value == repr(float(value)) for value in row[3:] if value)
