"""The account that PostgreSQL runs as where the stack is started by root, which PostgreSQL refuses."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dbflow.local.errors import StackError
from dbflow.local.processes import Owner

# The name that the wheel of PostgreSQL uses too, so that no machine gets two accounts for one purpose.
_ACCOUNT = "pgserver"
_NOBODY = "nobody"


def unprivileged_owner() -> Owner | None:
    """None for an ordinary user. For root: a system account, made where it can be, or else `nobody`."""
    if os.geteuid() != 0:
        return None
    useradd = shutil.which("useradd")
    if not _exists(_ACCOUNT) and useradd is not None:
        options = [
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/bin/false",
        ]
        # Where accounts cannot be made (a read-only /etc), `nobody` does as well.
        subprocess.run([useradd, *options, _ACCOUNT], check=False, capture_output=True)  # noqa: S603
    for name in (_ACCOUNT, _NOBODY):
        if _exists(name):
            entry = pwd.getpwnam(name)
            return Owner(name, entry.pw_uid, entry.pw_gid)
    raise StackError("PostgreSQL refuses to run as root: run it as an ordinary user.")


def command_as(
    owner: Owner | None, command: Sequence[str], needed: Sequence[Path]
) -> tuple[list[str], Owner | None]:
    """The command line that runs `command` as `owner`, and the owner that the process must be started as.

    Directories above the project may be closed to the account (/root is). Their permissions are the user's
    and stay as they are: a small launcher keeps the one capability that passes them instead.
    """
    if owner is None or all(_reachable(path) for path in needed):
        return list(command), owner
    launcher = Path(__file__).with_name("as_account.py")
    return [sys.executable, "-I", str(launcher), str(owner.uid), str(owner.gid), *command], None


def _reachable(path: Path) -> bool:
    return all(directory.stat().st_mode & 0o001 for directory in path.resolve().parents)


def _exists(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())
