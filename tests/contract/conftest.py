"""A workspace on a real port, and the official SDK as its client."""

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from databricks.sdk.mixins import compute as clusters
from databricks.sdk.service import compute, jobs
from databricks_local import LocalWorkspace
from hypothesis import settings

from .workspace_lab import Lab, lab_of

# The same examples in every run: what fails, fails for everybody.
settings.register_profile("fixed", derandomize=True, database=None)
settings.load_profile("fixed")


@pytest.fixture(scope="session", autouse=True)
def sdk_that_asks_at_once() -> Iterator[None]:
    """The waiters of the SDK sleep for seconds between two questions; what they wait for is there before."""
    hasty = SimpleNamespace(time=time.time, sleep=lambda _: time.sleep(0.02))
    with pytest.MonkeyPatch.context() as patch:
        for module in (clusters, compute, jobs):
            patch.setattr(module, "time", hasty)
        yield


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWorkspace]:
    secrets = {
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "PREFECT_API_KEY": "another",
    }
    with LocalWorkspace(tmp_path_factory.mktemp("workspace"), environment=secrets) as running:
        yield running


@pytest.fixture(scope="session")
def lab(workspace: LocalWorkspace) -> Iterator[Lab]:
    yield from lab_of(workspace)
