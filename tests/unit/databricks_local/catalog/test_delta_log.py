"""What is kept of logs, and what is said of those that cannot be read or written."""

from pathlib import Path

import pyarrow as pa
import pytest
from databricks_local.api.errors import ApiError
from databricks_local.catalog import delta_log
from databricks_local.catalog.delta_log import DeltaLogs, in_one_line
from deltalake import DeltaTable, write_deltalake


def kept(logs: DeltaLogs) -> list[str]:
    return [Path(place).name for place in logs._read]


def test_what_was_read_of_the_last_tables_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta_log, "KEPT_STATES", 3)
    logs = DeltaLogs({})
    for name in "abc":
        write_deltalake(tmp_path / name, pa.table({"id": [1]}))
        assert logs.state(tmp_path / name)
    logs.state(tmp_path / "a")
    write_deltalake(tmp_path / "d", pa.table({"id": [1]}))
    logs.state(tmp_path / "d")
    assert kept(logs) == ["c", "a", "d"]
    logs.forget(tmp_path / "a")
    logs.forget(tmp_path / "nothing")
    assert kept(logs) == ["c", "d"]


def test_properties_that_are_refused_change_nothing(tmp_path: Path) -> None:
    write_deltalake(tmp_path, pa.table({"id": [1]}))
    for name, value in (("delta.enableChangeDataFeed", "maybe"), ("delta.minReaderVersion", "3")):
        with pytest.raises(ApiError) as refusal:
            DeltaLogs({}).tell(tmp_path, {"comment": "new", "properties": {name: value}})
        assert refusal.value.status == 400
    assert DeltaTable(tmp_path).version() == 0
    assert DeltaLogs({}).tell(tmp_path, {"comment": "new", "properties": {"a": "b"}})
    assert DeltaTable(tmp_path).metadata().description == "new"


def arrows(*parts: str) -> str:
    return "\n     \x1b[31m↳\x1b[0m ".join(parts) + "\n"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("plain", "plain"),
        (
            arrows("Generic S3 error", "HTTP error", "Connection refused"),
            "Generic S3 error: Connection refused",
        ),
        ("two\n  lines", "two lines"),
        (
            arrows(
                "Operation not supported", "an error occurred while loading credentials", "IMDS is disabled"
            ),
            "there are no credentials for the storage: start the workspace with AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY in its environment",
        ),
    ],
)
def test_what_deltalake_says_is_one_line(said: str, told: str) -> None:
    assert in_one_line(OSError(said)) == told
