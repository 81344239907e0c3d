"""`databricks_local` as its users have it: the exported names, `LocalWorkspace`, the fixtures of pytest."""

import doctest
import importlib
import os
import subprocess
import sys
from pathlib import Path

import databricks_local
import psutil
import pytest
from databricks_local import Faults, LocalWorkspace, WorkspaceAccess, local_workspace
from databricks_local.local_workspace import DirectAccess

pytest_plugins = ["pytester"]


def test_the_exported_names() -> None:
    assert databricks_local.__all__ == ["Faults", "LocalWorkspace", "WorkspaceAccess"]
    assert set(databricks_local.__all__) <= set(dir(databricks_local))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        databricks_local.nothing  # noqa: B018


@pytest.mark.parametrize("name", databricks_local.__all__)
def test_the_example_of_each_name(name: str) -> None:
    exported = getattr(databricks_local, name)
    module = importlib.import_module(exported.__module__)
    (found,) = doctest.DocTestFinder(recurse=False).find(exported, name, module)
    assert found.examples
    told: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(found, out=told.append)
    assert told == []


def test_importing_it_costs_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import databricks_local\n"
        "print({name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "{'databricks_local'}"


def test_a_root_of_its_own_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Other tests of this process may have a workspace that runs.
    monkeypatch.setattr(local_workspace, "_DIRECT_ACCESS", DirectAccess(os.environ))
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    environment = dict(os.environ)
    workspace = LocalWorkspace()
    with pytest.raises(RuntimeError, match="not running"):
        _ = workspace.log
    with workspace:
        assert workspace.root is not None
        assert os.environ["NO_PROXY"] == "intranet.example,127.0.0.1,localhost"
        assert workspace.process is not None
        root, process = workspace.root, psutil.Process(workspace.process.pid)
        assert workspace.log.is_relative_to(root)
        with pytest.raises(RuntimeError, match="running already"):
            workspace.__enter__()
        assert isinstance(workspace.faults, Faults)
    assert not root.exists()
    assert not process.is_running()
    assert (workspace.url, workspace.root, workspace.process) == ("", None, None)
    assert os.environ == environment


def test_a_given_root_stays_and_is_used_again(tmp_path: Path) -> None:
    workspace = LocalWorkspace(str(tmp_path), tls=True, token="a-token-for-a-test")
    with workspace:
        first = workspace.url
        workspace.client().workspace.mkdirs("/Shared/kept")
    with workspace:
        assert first.startswith("https://127.0.0.1:")
        assert workspace.authority == tmp_path / "tls" / "ca.pem"
        assert [found.path for found in workspace.client().workspace.list("/Shared")] == ["/Shared/kept"]
        same = WorkspaceAccess(workspace.url, "a-token-for-a-test", workspace.authority)
        assert [request["status"] for request in same.requests("/api/")] == [200]
        same.clear_requests()
        assert same.requests() == []


def test_a_workspace_that_does_not_start_says_why(tmp_path: Path) -> None:
    workspace = LocalWorkspace(tmp_path, spark_remote="spark://elsewhere:7077")
    with (
        pytest.raises(RuntimeError, match=r"did not start:\nworkspace: --spark-remote must be a URL"),
        workspace,
    ):
        pass
    assert workspace.process is None


def test_the_client_ignores_the_environment(
    lab: object, workspace: LocalWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "somebody")
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", "else")
    assert workspace.client().current_user.me().user_name == "local@dbflow.example"


PLUGIN_TESTS = """
import sys

import pytest


def test_nothing_heavy_is_imported_at_the_start():
    assert not {"databricks", "requests", "uvicorn", "databricks_local.local_workspace"} & set(sys.modules)


def test_a_client(databricks_client):
    assert databricks_client.current_user.me().user_name == "local@dbflow.example"


def test_a_fault(databricks_workspace, databricks_faults):
    databricks_faults.add(path="/api/*/scim/v2/Me", status=400, count=-1)
    with pytest.raises(ValueError):
        databricks_workspace.ask("GET", "/api/2.0/preview/scim/v2/Me")


def test_the_fault_is_gone(databricks_workspace, databricks_client):
    assert databricks_workspace.faults.show() == []
    assert databricks_client.current_user.me().active


def test_the_options(databricks_workspace, root):
    assert databricks_workspace.root == root
"""

PLUGIN_CONFTEST = """
import pytest


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="session")
def databricks_workspace_options(root):
    return {"root": root}
"""


def test_the_fixtures_of_pytest(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PLUGIN_TESTS)
    pytester.makeconftest(PLUGIN_CONFTEST)
    # In a process of its own, which finds the plugin by its entry point alone.
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "-p", "no:xdist")
    result.assert_outcomes(passed=5)
