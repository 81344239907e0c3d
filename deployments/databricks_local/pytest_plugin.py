"""Fixtures of pytest: a workspace for the whole session, its client, and its faults.

pytest imports this module in every session of an environment in which the package is installed, so that it
imports nothing that takes time. The server starts with the first test that asks for a fixture.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from databricks_local import Faults, LocalWorkspace


@pytest.fixture(scope="session")
def databricks_workspace_options() -> dict[str, Any]:
    """Arguments of `LocalWorkspace`. Override this fixture in your `conftest.py` to set some."""
    return {}


@pytest.fixture(scope="session")
def databricks_workspace(databricks_workspace_options: dict[str, Any]) -> "Iterator[LocalWorkspace]":
    """A local Databricks workspace, the same for all tests of the session."""
    from databricks_local import LocalWorkspace

    with LocalWorkspace(**databricks_workspace_options) as workspace:
        yield workspace


@pytest.fixture(scope="session")
def databricks_client(databricks_workspace: "LocalWorkspace") -> "WorkspaceClient":
    """A client of the official SDK for the workspace."""
    return databricks_workspace.client()


@pytest.fixture
def databricks_faults(databricks_workspace: "LocalWorkspace") -> "Iterator[Faults]":
    """The faults of the workspace, which are removed after each test."""
    yield databricks_workspace.faults
    databricks_workspace.faults.clear()
