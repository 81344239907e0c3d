"""What a failed run notes for its retry."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import IO
from unittest.mock import Mock

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_blocks.database.tables import RecordRefused
from databricks_blocks.errors import DatabricksRunRefused
from databricks_flows.ending.endings import Ending
from databricks_flows.renewable import leftovers as module
from databricks_flows.renewable.data_contract import DataContractBreach, StagedData
from databricks_flows.renewable.leftovers import Leftovers
from databricks_flows.renewable.notebook_job import counted_rows
from databricks_flows.renewable.scope import RunScope
from databricks_flows.renewable.staged_note import STAGED_NOTE, StagedNote

NOTE = StagedNote("inputs", datetime(2026, 11, 27, tzinfo=UTC), StagedData((), {}), keep_hours=24)


class Storage:
    """A storage in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def upload(self, name: str, write: Callable[[IO[bytes]], int]) -> int:
        stream = io.BytesIO()
        count = write(stream)
        self.files[name] = stream.getvalue()
        return count


def no_exit_value() -> Exception:
    with pytest.raises(InputError) as raised:
        counted_rows({})
    return raised.value


@pytest.mark.parametrize(
    ("error", "usable"),
    [
        (DatabricksRunRefused("the workspace is full"), True),
        (OSError("no space left"), True),
        # The notebooks succeeded: a retry would find their run, and fail again.
        (DataContractBreach("rows were lost"), False),
        (no_exit_value(), False),
        (RecordRefused(", line 3: missing data for column"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_retry_begins_anew_if_what_the_notebooks_made_is_of_no_use(
    error: Exception, usable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage()
    monkeypatch.setattr(module, "staging_area", lambda block, prefix: storage)
    scope = RunScope("database", "run_x", "staging", "x")
    of_run = Leftovers(scope, Mock(), Mock(), logging.getLogger(__name__), is_known=True, note=NOTE)
    asyncio.run(of_run.settle(Ending.FAILED, error))
    noted = StagedNote.from_json(storage.files[STAGED_NOTE])
    assert noted is not None
    assert noted.usable is usable
