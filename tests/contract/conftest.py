"""A workspace on a real port, and the official SDK as its client."""

from collections.abc import Iterator

import pytest
from workspace_lab import Lab, lab_of

from deployments.local.workspace.testing import RunningWorkspace, running_workspace


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorkspace]:
    secrets = {
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "PREFECT_API_KEY": "another",
    }
    with running_workspace(tmp_path_factory.mktemp("workspace"), secrets) as running:
        yield running


@pytest.fixture(scope="session")
def lab(workspace: RunningWorkspace) -> Iterator[Lab]:
    yield from lab_of(workspace)
