"""The block `SqlWarehouse` against the warehouses of the local workspace."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
from databricks_blocks import DatabricksWorkspace, ResultUnavailable, SqlWarehouse, StatementFailed
from databricks_blocks.errors import DatabricksRunRefused
from databricks_blocks.sql.life import StatementLife
from databricks_blocks.sql.statement import Statement
from databricks_blocks.sql.statement_call import StatementCall
from databricks_local import LocalWorkspace

from .workspace_lab import Lab, until

STARTER = "Starter Warehouse"


@pytest.fixture(scope="module")
def warehouse(workspace: LocalWorkspace) -> SqlWarehouse:
    return SqlWarehouse(
        workspace=DatabricksWorkspace(databricks_instance=workspace.url, token=workspace.token),
        warehouse_name=STARTER,
    )


@pytest.fixture
def table(warehouse: SqlWarehouse) -> Iterator[str]:
    name = f"main.default.t_{uuid4().hex}"
    warehouse.execute(f"CREATE TABLE {name} (a INT, b STRING)")
    yield name
    warehouse.execute(f"DROP TABLE {name}")


@pytest.mark.parametrize(
    "value",
    [
        True,
        5,
        2**40,
        Decimal("1.50"),
        "it's; DROP TABLE t",
        "",
        "täg ☃",
        date(2024, 6, 21),
        datetime(2024, 6, 21, 1, 2, 3, 4),
        datetime(2024, 6, 21, 1, 2, 3, tzinfo=UTC),
        0.1,
        math.inf,
        None,
    ],
)
def test_a_value_comes_back_as_it_was_bound(warehouse: SqlWarehouse, value: Any) -> None:
    assert warehouse.execute("SELECT :v AS v", {"v": value}).rows() == [{"v": value}]


def test_an_interval_is_bound(warehouse: SqlWarehouse) -> None:
    shifted = warehouse.execute(
        "SELECT TIMESTAMP_NTZ '2024-06-21 00:00:00' + :long AS t", {"long": timedelta(days=1, seconds=61)}
    )
    assert shifted.rows() == [{"t": datetime(2024, 6, 22, 0, 1, 1)}]


def test_what_a_statement_changed_is_counted(warehouse: SqlWarehouse, table: str) -> None:
    inserted = warehouse.execute(f"INSERT INTO {table} VALUES (1, 'x'), (2, 'y')")
    assert inserted.affected["num_affected_rows"] == 2
    assert warehouse.execute(f"DELETE FROM {table} WHERE a = :a", {"a": 1}).affected["num_affected_rows"] == 1
    assert warehouse.execute(f"SELECT * FROM {table}").affected == {}


def test_a_name_is_bound_by_identifier(warehouse: SqlWarehouse, table: str) -> None:
    assert warehouse.execute("SELECT * FROM IDENTIFIER(:name)", {"name": table}).rows() == []


def shape(kind: pa.DataType) -> Any:
    """A type without the names of elements, and without what is never null: engines differ there."""
    if pa.types.is_struct(kind):
        return {kind.field(n).name: shape(kind.field(n).type) for n in range(kind.num_fields)}
    if pa.types.is_map(kind):
        return shape(kind.key_type), shape(kind.item_type)
    return [shape(kind.value_type)] if pa.types.is_list(kind) else str(kind)


def test_a_result_without_rows_has_the_types_of_one_with_rows(warehouse: SqlWarehouse) -> None:
    columns = (
        "id, named_struct('a', 1, 'b', array('x')) AS s, map('k', id) AS m, CAST(1 AS DECIMAL(9,2)) AS d, "
        "current_timestamp() AS t, current_date() AS day, CAST(1 AS FLOAT) AS f, X'00' AS bytes"
    )
    some = warehouse.execute(f"SELECT {columns} FROM range(2)")
    none = warehouse.execute(f"SELECT {columns} FROM range(2) WHERE id > 9")
    assert none.rows() == []
    shapes = [[shape(kind) for kind in result.to_arrow().schema.types] for result in (none, some)]
    assert shapes[0] == shapes[1]
    assert some.schema == none.schema


def test_many_rows_are_streamed_in_flat_memory(warehouse: SqlWarehouse) -> None:
    result = warehouse.execute("SELECT id, repeat('x', 100) AS s FROM range(1500000)")
    assert result.manifest["total_chunk_count"] > 5
    before, most, ids = pa.total_allocated_bytes(), 0, 0
    for batch in result.batches():
        ids += pa.compute.sum(batch.column("id")).as_py()
        most = max(most, pa.total_allocated_bytes() - before)
    assert ids == sum(range(1_500_000))
    assert most < 40_000_000, "more than two chunks of 16 MB"


def test_a_failure_names_statement_reason_and_sqlstate(warehouse: SqlWarehouse) -> None:
    with pytest.raises(StatementFailed, match="TABLE_OR_VIEW_NOT_FOUND") as failed:
        warehouse.execute("SELECT * FROM nowhere")
    assert (failed.value.sql_state, failed.value.may_retry) == ("42P01", False)
    assert "\n" not in str(failed.value)


def test_rows_of_a_result_that_was_closed_are_gone_with_a_reason(lab: Lab, warehouse: SqlWarehouse) -> None:
    result = warehouse.execute("SELECT 1")
    lab.sdk.api_client.do("DELETE", f"/api/2.0/sql/statements/{result.statement_id}")
    with pytest.raises(ResultUnavailable, match="cannot be read"):
        result.rows()


def test_a_statement_is_found_by_its_tag(warehouse: SqlWarehouse, table: str) -> None:
    client = warehouse.workspace_client()
    statement = Statement(f"INSERT INTO {table} VALUES (1, 'x')", warehouse.look(client).warehouse_id)
    token = uuid4().hex

    def lived(**facts: Any) -> tuple[str, bool]:
        life = StatementLife(client, StatementCall(statement, token, **facts))
        return asyncio.run(life.to_the_end()).statement_id, life.found is not None

    first, _ = lived()
    assert lived(may_be_there=True) == (first, True)
    assert len(warehouse.execute(f"SELECT * FROM {table}").rows()) == 1


def test_a_stopped_warehouse_is_started_and_stopped_again(lab: Lab, warehouse: SqlWarehouse) -> None:
    found = warehouse.stop()
    assert (found.name, found.state) == (STARTER, "STOPPED")
    assert warehouse.state().state == "STOPPED"
    assert warehouse.start().state == "RUNNING"
    assert warehouse.start().state == "RUNNING"
    until(lambda: lab.sdk.warehouses.get(found.warehouse_id).state.value == "RUNNING" or None)


def test_a_warehouse_that_is_not_there_is_named(warehouse: SqlWarehouse) -> None:
    other = SqlWarehouse(workspace=warehouse.workspace, warehouse_id="0000000000000000")
    with pytest.raises(DatabricksRunRefused, match=r"0000000000000000.*does not exist"):
        other.execute("SELECT 1")
