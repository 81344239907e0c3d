"""Fixtures of the tests of the catalog."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.databricks_local.catalog.tables_lab import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.documents.close()
