"""databricks-sql-connector with use_sea=True, unmodified, in an environment of its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import sql
from databricks_local import LocalWorkspace

from .client_lab import SCRIPTS, environment_with, said, variables_of
from .sql_lab import SqlLab, starter_of
from .workspace_lab import lab_of

pytestmark = pytest.mark.clients

VALUES = ["1", "x", "1.50", "2024-02-29", "2024-02-29 12:00:00+00:00", "[1 2]", "None", "b'\\x00\\xff'"]


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlLab]:
    with (
        pytest.MonkeyPatch.context() as patch,
        LocalWorkspace(tmp_path_factory.mktemp("secure"), tls=True) as workspace,
    ):
        for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            patch.setenv(variable, str(workspace.authority))
        for lab in lab_of(workspace):
            yield starter_of(lab)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment_with(tmp_path_factory.mktemp("env") / "env", "databricks-sql-connector", "pyarrow")


def told(starter: SqlLab, programs: Path, *wanted: str) -> Any:
    """What the script got."""
    command = [str(programs / "python"), str(SCRIPTS / "sql_connector.py"), *wanted]
    return json.loads(said(command, variables_of(starter.lab.workspace, starter.warehouse_id), Path.cwd()))


@pytest.fixture(scope="module")
def shown(starter: SqlLab, programs: Path) -> Any:
    return told(starter, programs)


def test_values_by_every_way_of_fetching(shown: Any) -> None:
    assert shown["values"] == shown["hybrid"] == [VALUES]
    # Of JSON it makes no lists, and moments in the time zone of this machine.
    assert [shown["inline"][0][index] for index in (0, 1, 2, 3, 6, 7)] == [
        VALUES[index] for index in (0, 1, 2, 3, 6, 7)
    ]


def test_parameters_have_their_types(shown: Any) -> None:
    assert shown["parameters"] == [["42", "2024-02-29", "1.5", "None", "True"]]


def test_a_session_keeps_views_and_the_catalog(shown: Any) -> None:
    assert shown["kept"] == [["5"]]
    assert shown["catalog"] == [["hive_metastore"]]
    assert shown["elsewhere"] == [["hive_metastore", "default", "Europe/Berlin"]]


def test_results_of_every_size(shown: Any) -> None:
    assert shown["empty"] == []
    assert shown["large"] == [3000000, sum(range(3000000))]
    assert shown["async"] == [[3]]


def test_catalogs_are_listed(shown: Any) -> None:
    assert {"hive_metastore", "main"} <= set(shown["catalogs"])
    assert any("default" in name for name in shown["schemas"])


def test_tables_and_columns_are_listed(starter: SqlLab, programs: Path) -> None:
    got = told(starter, programs, "listed")
    assert got["tables"] == [["main", "default", "listed", "TABLE"]]
    assert [name for name, _ in got["columns"]] == ["first", "second"]


def test_errors_have_their_condition(shown: Any) -> None:
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in shown["failure"]


def test_thrift_is_refused_with_the_setting_to_use(shown: Any) -> None:
    assert "use_sea=True" in shown["thrift"]


def test_its_tags_are_in_the_history_and_its_sessions_are_closed(shown: Any, starter: SqlLab) -> None:
    page = starter.lab.sdk.query_history.list(max_results=999)
    tags = [sql.QueryTag("team", "data"), sql.QueryTag("why", "a:b")]
    assert any(each.query_tags == tags for each in page.res or [])
    assert starter.lab.sdk.warehouses.get(starter.warehouse_id).num_active_sessions == 0
