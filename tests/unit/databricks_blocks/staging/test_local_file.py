"""A local file is read once; one that changes meanwhile is never taken for a whole one."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_blocks.staging.local_file import LocalFile

CONTENT = bytes(range(256)) * 5000


@pytest.mark.parametrize("size", [-1, 1, 1000, 8 * 1024 * 1024])
@pytest.mark.parametrize("content", [b"", CONTENT[:10_000]])
def test_all_is_read_and_digested(tmp_path: Path, size: int, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with LocalFile(path) as file:
        parts = list(iter(lambda: file.read(size), b""))
        assert b"".join(parts) == content
        assert (file.size, file.digest) == (len(content), sha256(content).hexdigest())


@pytest.mark.parametrize("change", ["grows", "shrinks", "is written again"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(CONTENT)
    with LocalFile(path) as file:
        file.read(1000)
        if change == "is written again":
            path.write_bytes(CONTENT)
            os.utime(path, ns=(0, 0))
        else:
            os.truncate(path, len(CONTENT) + (1 if change == "grows" else -1))
        with pytest.raises(InputError, match=r"a\.csv: was changed while it was read; begin again"):
            file.read_to_the_end()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv: No such file or directory"):
        LocalFile(tmp_path / "gone.csv")
