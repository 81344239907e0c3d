"""SQL warehouses by the official SDK: their life, from create to delete."""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from databricks.sdk.errors import NotFound, ResourceAlreadyExists
from databricks.sdk.service import sql
from databricks_local import LocalWorkspace

from .job_lab import own_workspace
from .sql_lab import ASYNC, ENDLESS, SqlLab, starter_of, state_of
from .workspace_lab import Lab, lab_of, until


@pytest.fixture
def made(lab: Lab) -> Iterator[SqlLab]:
    """A warehouse that runs."""
    created = lab.sdk.warehouses.create_and_wait(
        name="a warehouse", cluster_size="Small", max_num_clusters=1, timeout=timedelta(seconds=50)
    )
    assert created.id
    yield SqlLab(lab, created.id)
    if created.id in {each.id for each in lab.sdk.warehouses.list()}:
        lab.sdk.warehouses.delete(created.id)


def test_a_new_workspace_has_a_warehouse_that_is_stopped(tmp_path: Path) -> None:
    with own_workspace(tmp_path) as lab:
        (starter,) = lab.sdk.warehouses.list()
        assert (starter.name, starter.state) == ("Starter Warehouse", sql.State.STOPPED)
        assert starter.enable_serverless_compute
        assert starter.id
        lab.sdk.warehouses.delete(starter.id)
    with own_workspace(tmp_path) as lab:
        assert list(lab.sdk.warehouses.list()) == []


def test_a_created_warehouse_starts_and_shows_its_settings(made: SqlLab) -> None:
    shown = made.lab.sdk.warehouses.get(made.warehouse_id)
    assert shown.state is sql.State.RUNNING
    assert (shown.name, shown.cluster_size, shown.auto_stop_mins) == ("a warehouse", "Small", 120)
    assert (shown.num_clusters, shown.warehouse_type) == (1, sql.GetWarehouseResponseWarehouseType.CLASSIC)
    assert shown.health
    assert shown.health.status is sql.Status.HEALTHY
    assert shown.odbc_params
    assert shown.odbc_params.path == f"/sql/1.0/warehouses/{made.warehouse_id}"
    assert made.rows("SELECT 1") == [["1"]]


def test_stop_start_edit(made: SqlLab) -> None:
    warehouses = made.lab.sdk.warehouses
    warehouses.stop_and_wait(made.warehouse_id)
    warehouses.stop(made.warehouse_id)
    warehouses.edit(made.warehouse_id, name="renamed", auto_stop_mins=0)
    shown = warehouses.get(made.warehouse_id)
    assert (shown.name, shown.auto_stop_mins, shown.cluster_size) == ("renamed", 0, "Small")
    assert (shown.state, shown.num_clusters) == (sql.State.STOPPED, 0)
    warehouses.start_and_wait(made.warehouse_id)
    warehouses.start(made.warehouse_id)
    assert made.rows("SELECT 2") == [["2"]]


def test_a_deleted_warehouse_is_listed_no_more(made: SqlLab) -> None:
    made.lab.sdk.warehouses.delete(made.warehouse_id)
    assert made.warehouse_id not in {each.id for each in made.lab.sdk.warehouses.list()}
    made.wait_for_warehouse(sql.State.DELETED)
    with pytest.raises(NotFound, match="does not exist"):
        made.execute("SELECT 1")
    with pytest.raises(NotFound, match="does not exist"):
        made.lab.sdk.warehouses.start(made.warehouse_id)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 100}, "name"),
        ({"name": "Starter Warehouse"}, "already exists"),
        ({"cluster_size": "Huge"}, "cluster_size must be one of"),
        ({"auto_stop_mins": 5}, "auto_stop_mins"),
        ({"min_num_clusters": 3, "max_num_clusters": 2}, "max_num_clusters"),
        ({"max_num_clusters": 41}, "max_num_clusters"),
        ({"enable_serverless_compute": True, "warehouse_type": "CLASSIC"}, "PRO"),
        ({"warehouse_type": "REALTIME"}, "not served"),
    ],
)
def test_wrong_settings_are_refused(lab: Lab, fields: dict[str, object], words: str) -> None:
    answer = lab.post("/api/2.0/sql/warehouses", {"name": "wrong", **fields})
    assert answer.status_code == 400
    assert words in answer.json()["message"]


def test_an_unknown_warehouse(lab: Lab) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        lab.sdk.warehouses.get("0123456789abcdef")
    with pytest.raises(NotFound, match="does not exist"):
        lab.sdk.statement_execution.execute_statement("SELECT 1", "0123456789abcdef")


def test_thrift_is_refused_with_the_setting_to_use(lab: Lab) -> None:
    answer = lab.post("/sql/1.0/warehouses/0123456789abcdef", {})
    assert answer.status_code == 400
    assert "use_sea" in answer.json()["message"]
    assert "use_sea" in answer.headers["x-thriftserver-error-message"]


def test_statements_wait_for_a_warehouse_that_starts(tmp_path: Path) -> None:
    with LocalWorkspace(tmp_path, warehouse_start_seconds=3) as workspace:
        for lab in lab_of(workspace):
            starter = starter_of(lab)
            begun = starter.execute("SELECT 1", **ASYNC)
            assert state_of(begun) is sql.StatementState.PENDING
            starter.wait_for_warehouse(sql.State.STARTING)
            assert begun.statement_id
            cancelled = starter.execute("SELECT 2", **ASYNC).statement_id
            assert cancelled
            starter.statements.cancel_execution(cancelled)
            assert state_of(starter.ended(cancelled)) is sql.StatementState.CANCELED
            assert state_of(starter.ended(begun.statement_id)) is sql.StatementState.SUCCEEDED


def test_an_idle_warehouse_stops_by_the_clock_of_the_workspace(tmp_path: Path) -> None:
    with own_workspace(tmp_path) as lab:
        starter = starter_of(lab)
        running = starter.execute(ENDLESS, **ASYNC).statement_id
        assert running
        starter.wait_for(running, sql.StatementState.RUNNING)
        lab.workspace.advance(minutes=11)
        # It is looked for idle warehouses every five seconds; this one has a statement.
        assert starter.rows("SELECT 1") == [["1"]]
        assert lab.sdk.warehouses.get(starter.warehouse_id).state is sql.State.RUNNING
        starter.statements.cancel_execution(running)
        starter.ended(running)
        lab.workspace.advance(minutes=11)
        starter.wait_for_warehouse(sql.State.STOPPED)
        assert starter.rows("SELECT 1") == [["1"]]


def test_what_runs_on_a_warehouse_that_is_stopped_fails(made: SqlLab) -> None:
    running = made.execute(ENDLESS, **ASYNC).statement_id
    assert running
    made.wait_for(running, sql.StatementState.RUNNING)
    made.lab.sdk.warehouses.stop(made.warehouse_id)
    ended = made.ended(running)
    assert state_of(ended) is sql.StatementState.FAILED
    assert made.rows("SELECT 3") == [["3"]]


@pytest.mark.parametrize("which", ["server", "process"])
def test_a_warehouse_that_is_killed_is_started_by_the_next_statement(made: SqlLab, which: str) -> None:
    running = made.execute(ENDLESS, **ASYNC).statement_id
    assert running
    made.wait_for(running, sql.StatementState.RUNNING)
    os.kill(process_of(made, "-statements.log" if which == "process" else ".log"), signal.SIGKILL)
    ended = made.ended(running)
    assert state_of(ended) is sql.StatementState.FAILED
    assert ended.status
    assert ended.status.error
    assert "warehouse" in (ended.status.error.message or "").lower()
    until(lambda: made.lab.sdk.warehouses.get(made.warehouse_id).state is sql.State.STOPPED or None)
    assert made.rows("SELECT 4") == [["4"]]


def process_of(made: SqlLab, log: str) -> int:
    """The process of a warehouse that writes to this log."""
    name = f"warehouse-{made.warehouse_id}{log}"
    assert made.lab.workspace.process
    for child in psutil.Process(made.lab.workspace.process.pid).children(recursive=True):
        output = Path(f"/proc/{child.pid}/fd/2")
        if output.exists() and output.resolve().name == name:
            return child.pid
    raise AssertionError(f"no process writes to {name}")


def test_permissions_are_kept(made: SqlLab) -> None:
    warehouses = made.lab.sdk.warehouses
    entry = sql.WarehouseAccessControlRequest(
        group_name="users", permission_level=sql.WarehousePermissionLevel.CAN_USE
    )
    warehouses.update_permissions(made.warehouse_id, access_control_list=[entry])
    shown = warehouses.get_permissions(made.warehouse_id).access_control_list or []
    levels = {each.group_name or each.user_name: (each.all_permissions or [])[0] for each in shown}
    assert levels["users"].permission_level is sql.WarehousePermissionLevel.CAN_USE
    assert sql.WarehousePermissionLevel.IS_OWNER in {each.permission_level for each in levels.values()}
    with pytest.raises(NotFound):
        warehouses.get_permissions("0123456789abcdef")


def test_a_second_warehouse_of_a_name_is_refused_by_edit(made: SqlLab) -> None:
    with pytest.raises(ResourceAlreadyExists, match="already exists"):
        made.lab.sdk.warehouses.edit(made.warehouse_id, name="Starter Warehouse")
