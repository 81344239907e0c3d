"""The names that users import, and the examples of their docstrings, run as they stand."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import databricks_blocks
import pytest
from databricks_blocks import DatabricksJob, DatabricksWorkspace, SqlWarehouse
from databricks_blocks.job.tasks import notebook_task
from databricks_blocks.run.policy import RunPolicy
from databricks_blocks.workspace.polling import PollingPolicy

from .run.fake_workspace import HOST, FakeWorkspace
from .sql.fake_sql import HOST as SQL_HOST
from .sql.fake_sql import FakeSql

NAMES = {
    "BlockNotFound",
    "BlockTypeNotInstalled",
    "DatabricksJob",
    "DatabricksJobError",
    "DatabricksJobRun",
    "DatabricksRunCancelled",
    "DatabricksRunFailed",
    "DatabricksRunRefused",
    "DatabricksRunSkipped",
    "DatabricksRunTimedOut",
    "DatabricksUnreachable",
    "DatabricksWorkspace",
    "InvalidJob",
    "InvalidStatement",
    "ResultUnavailable",
    "SqlWarehouse",
    "StatementCancelled",
    "StatementError",
    "StatementFailed",
    "StatementTimedOut",
    "UnityCatalogVolume",
    "WarehouseUnavailable",
    "WorkspaceNotConfigured",
}
FAILS = "AnalysisException: no such column"
STATEMENT_PAGE = f"{SQL_HOST}/sql/history?queryId=s1"
PAGE = f"{HOST}/jobs/1000/runs/1001"


def test_the_exported_names_stay() -> None:
    assert set(databricks_blocks.__all__) == NAMES
    assert set(dir(databricks_blocks)) >= NAMES
    assert not hasattr(databricks_blocks, "NoSuchName")


def test_editors_see_what_is_exported() -> None:
    tree = ast.parse(inspect.getsource(databricks_blocks))
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    assert {alias.name for node in ast.walk(typed) for alias in getattr(node, "names", ())} == NAMES


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, databricks_blocks, databricks_blocks.errors\n"
        "heavy = {'prefect', 'databricks', 'pydantic', 'sqlalchemy', 'pandas'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def ending(result: str) -> Callable[[FakeWorkspace], None]:
    """Let the run end with a result."""

    def arrange(workspace: FakeWorkspace) -> None:
        workspace.ends = result

    return arrange


def failing(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"only": [FAILS]}


def unreachable(workspace: FakeWorkspace) -> None:
    workspace.fail("runs/get", 500, count=-1)


def refusing(workspace: FakeWorkspace) -> None:
    workspace.refuse_repair = "There are no failed tasks to repair."


def used_by_ada(workspace: FakeWorkspace) -> None:
    workspace.fail("*/scim/v2/Me", (200, '{"userName": "ada@example.com"}'))


def sql(**facts: Any) -> Callable[[FakeWorkspace], None]:
    """Let SQL end in some way."""

    def arrange(workspace: Any) -> None:
        vars(workspace.sql).update(facts)

    return arrange


def fine(workspace: FakeWorkspace) -> None:
    """Nothing is wrong."""


class Workspace(FakeWorkspace):
    """The model, with runs that can be made to end with any result."""

    ends = ""

    def __init__(self) -> None:
        super().__init__()
        self.sql = FakeSql()

    def _state(self, *known: Any) -> dict[str, Any]:
        state = super()._state(*known)
        return {**state, "result_state": self.ends} if self.ends else state


@pytest.mark.parametrize(
    ("name", "arrange", "printed"),
    [
        ("BlockNotFound", fine, "The Prefect server has no block `no-such-block` of type"),
        ("BlockTypeNotInstalled", fine, "pip install 'databricks-flows[gcp]'"),
        ("DatabricksJob", fine, "{'only': 'value of only'}"),
        ("DatabricksJobError", failing, f"1001 {PAGE}"),
        ("DatabricksJobRun", fine, "only SUCCESS value of only"),
        ("DatabricksRunCancelled", ending("CANCELED"), f"Cancelled by somebody: {PAGE}"),
        ("DatabricksRunFailed", failing, "SUCCESS"),
        ("DatabricksRunRefused", refusing, "There are no failed tasks to repair."),
        ("DatabricksRunSkipped", ending("MAXIMUM_CONCURRENT_RUNS_REACHED"), f"Not run: {PAGE}"),
        ("DatabricksRunTimedOut", ending("TIMEDOUT"), f"Took too long: {PAGE}"),
        ("DatabricksUnreachable", unreachable, "Run 1001 may go on: "),
        ("DatabricksWorkspace", used_by_ada, "ada@example.com"),
        ("InvalidJob", fine, "Job `nightly` has 1 problem:\n- tasks: the job has no tasks."),
        ("InvalidStatement", fine, "the parameter `days` is a list, which has no SQL type"),
        ("ResultUnavailable", sql(truncated=True), "is cut off at a limit of the workspace"),
        ("SqlWarehouse", fine, "1 ['next']"),
        ("StatementCancelled", sql(ends="CANCELED"), f"Cancelled by somebody: {STATEMENT_PAGE}"),
        ("StatementError", sql(ends="FAILED"), f"42P01 {STATEMENT_PAGE}"),
        ("StatementFailed", sql(ends="FAILED"), "failed (BAD_REQUEST): no such table"),
        ("StatementTimedOut", sql(ends_after=10**9), f"Took too long: {STATEMENT_PAGE}"),
        ("UnityCatalogVolume", fine, "/Volumes/main/default/staging"),
        ("WarehouseUnavailable", sql(warehouse="DELETED"), "SQL warehouse W was deleted"),
        ("WorkspaceNotConfigured", fine, "No workspace to log in to: set DATABRICKS_HOST"),
    ],
)
def test_the_example_of_a_name_runs(
    name: str,
    arrange: Callable[[FakeWorkspace], None],
    printed: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    workspace = Workspace()
    workspace.default_seconds = 0.0
    arrange(workspace)
    prepare(workspace, monkeypatch, tmp_path)
    exec(example(name), {"__name__": "example"})
    assert printed in capsys.readouterr().out


def test_every_name_has_an_example_that_is_run() -> None:
    (cases,) = [mark.args[1] for mark in test_the_example_of_a_name_runs.pytestmark]
    assert {case[0] for case in cases} == NAMES


def example(name: str) -> str:
    """The code in the section Examples of a docstring."""
    text = inspect.getdoc(getattr(databricks_blocks, name)) or ""
    found = re.search(r"^Examples:\n    ```python\n(.*?)    ```", text, re.DOTALL | re.MULTILINE)
    assert found is not None, f"{name} has no example"
    code = dedent(found[1])
    assert re.search(rf"^from databricks_blocks import .*\b{name}\b", code), "it does not import the name"
    return code


def prepare(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Make what examples need: stored blocks, a workspace, and an environment that names no other one."""
    stored = DatabricksWorkspace(databricks_instance="dbc.example", token="t")
    job = DatabricksJob(
        name="nightly",
        workspace=stored,
        launch="run_now",
        tasks=[notebook_task("only", "/Shared/only", existing_cluster_id="c-1")],
        policy=RunPolicy(polling=PollingPolicy(floor=0.001, cap=0.001, max_unreachable=0.0)),
    )
    warehouse = SqlWarehouse(workspace=stored, warehouse_id="w")
    for kind, block in ((DatabricksWorkspace, stored), (DatabricksJob, job), (SqlWarehouse, warehouse)):
        monkeypatch.setattr(kind, "load", stored_as(block))
    for module in ("databricks_blocks.databricks_job", "databricks_blocks.workspace.block"):
        monkeypatch.setattr(f"{module}.workspace_client", lambda _: workspace.client())
    monkeypatch.setattr("databricks_blocks.sql_warehouse.workspace_client", lambda _: workspace.sql)
    monkeypatch.setitem(sys.modules, "prefect_gcp.cloud_storage", None)
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CONFIG_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))


def stored_as(block: Any) -> Callable[..., Any]:
    def load(name: str, **_: Any) -> Any:
        if name != "BLOCK_NAME":
            raise ValueError(f"Unable to find block document named {name}")
        return block

    return load
