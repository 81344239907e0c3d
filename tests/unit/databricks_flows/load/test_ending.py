"""What runs after the files are loaded is as patient as what ran before; after a cancel, nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from databricks_blocks.csv.format import CsvOptions
from databricks_flows.load import csv_files
from databricks_flows.load.progress import LoadProgress
from databricks_flows.load.scope import LoadScope
from databricks_flows.shared.patience import having_patience

SCOPE = LoadScope("run", "database", "schema", "")
NO_PROGRESS = cast("LoadProgress", None)


def test_the_patience_outlasts_the_load() -> None:
    with having_patience(10) as patience:
        assert csv_files._load_batches([], SCOPE, NO_PROGRESS, 1, CsvOptions()) == []
    assert not patience.has_ended


def test_a_cancel_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> Iterator[object]:
        raise KeyboardInterrupt

    monkeypatch.setattr(csv_files, "as_completed", interrupted)
    with having_patience(10) as patience, pytest.raises(KeyboardInterrupt):
        csv_files._load_batches([], SCOPE, NO_PROGRESS, 1, CsvOptions())
    assert patience.has_ended
