"""Refuse what is no regular file: reading a named pipe or a device may wait for ever."""

from __future__ import annotations

import stat
from pathlib import Path

LONGEST_SETTINGS = 16 * 1024 * 1024
"""Bytes of a file of settings. Databricks takes requests of at most 10 MB (docs: Jobs API)."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_fault(mode: int) -> str | None:
    """Say what is wrong with the kind of a file.

    Args:
        mode: Its mode, as `os.stat` gives it for the target of a link.

    Returns:
        One line; `None` for a regular file.
    """
    if stat.S_ISREG(mode):
        return None
    return f"{_KINDS.get(stat.S_IFMT(mode), 'a special file')}, not a regular file"


def file_fault(path: Path, longest: int | None = None) -> str | None:
    """Say why a file should not be read, without opening it.

    Args:
        path: A file, or a link to one.
        longest: Bytes that it may have. `None`: any number.

    Returns:
        One line; `None` for a regular file. A file that does not exist, too: opening it says so.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    if fault := kind_fault(found.st_mode):
        return fault
    if longest is not None and found.st_size > longest:
        return f"{found.st_size} bytes, where at most {longest} are read"
    return None
