"""What is no regular file is told without being opened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from databricks_blocks.regular_files import file_fault, kind_fault


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (stat.S_IFREG, None),
        (stat.S_IFIFO, "a named pipe, not a regular file"),
        (stat.S_IFSOCK, "a socket, not a regular file"),
        (stat.S_IFCHR, "a device, not a regular file"),
        (stat.S_IFBLK, "a device, not a regular file"),
        (stat.S_IFDIR, "a folder, not a regular file"),
        (0, "a special file, not a regular file"),
    ],
)
def test_only_regular_files_are_read(kind: int, fault: str | None) -> None:
    assert kind_fault(kind | 0o644) == fault


def test_links_are_followed_and_the_size_is_limited(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link to a pipe").symlink_to("pipe")
    assert file_fault(tmp_path / "link", longest=5) is None
    assert file_fault(tmp_path / "link", longest=4) == "5 bytes, where at most 4 are read"
    assert file_fault(tmp_path / "link to a pipe") == "a named pipe, not a regular file"
    assert file_fault(tmp_path / "nothing") is None
