"""The trace of an unexpected error goes to a file that only its owner can read, under a name of its own."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from pathlib import Path

import pytest
import typer
from databricks_blocks.staging.refusals import StorageRefused
from databricks_flows.tasks.uploads import FilesNotUploaded
from dbflow.command_errors import BAD_INPUT, FAILED, one_line_errors


def fail() -> None:
    with one_line_errors():
        raise RuntimeError("first line\nsecond line")


def test_the_trace_is_private_and_its_name_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    precious = tmp_path / "precious"
    precious.write_text("mine")
    # Where the trace would go if its name could be foreseen.
    (tmp_path / f"dbflow-{os.getpid()}.log").symlink_to(precious)
    names = set()
    for _ in range(2):
        with pytest.raises(typer.Exit) as ended:
            fail()
        assert ended.value.exit_code == FAILED
        line = capsys.readouterr().err
        assert line.startswith("Error: RuntimeError: first line (all of it: ")
        named = re.search(r"all of it: (\S+)\)", line)
        assert named is not None
        trace = Path(named[1])
        assert "second line" in trace.read_text()
        assert stat.S_IMODE(trace.stat().st_mode) == 0o600
        names.add(trace)
    assert len(names) == 2
    assert precious.read_text() == "mine"


@pytest.mark.parametrize(
    ("error", "told", "code"),
    [
        (
            FilesNotUploaded([], ["a.csv: Permission denied"]),
            "1 of 1 files are not uploaded: a.csv: Permission denied",
            BAD_INPUT,
        ),
        (StorageRefused("the bucket `b` is not there"), "the bucket `b` is not there", FAILED),
    ],
)
def test_what_is_wrong_with_files_and_storage_is_one_line(
    error: Exception, told: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, one_line_errors():
        raise error
    assert (ended.value.exit_code, capsys.readouterr().err) == (code, f"Error: {told}\n")


def test_an_error_is_told_where_no_file_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    with pytest.raises(typer.Exit):
        fail()
    told = capsys.readouterr().err
    assert (
        told
        == "Error: RuntimeError: first line (its trace could not be written: No such file or directory)\n"
    )
