"""`/dbfs`, `/Volumes` and `/Workspace` for the processes of tasks and clusters.

On Linux each process enters a mount namespace of its own, in which these paths lead into the workspace's
directory: plain file functions, native libraries and programs that a task starts all reach them, and no other
process is affected. Root can always do this; others need a kernel that allows user namespaces. The
workspace's private files are covered up at the same time.

Where neither is possible, opening such a path fails with an error that says so.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 0x40000
_MNT_DETACH = 2
_PIVOT_ROOT_BY_MACHINE = {"x86_64": 155, "aarch64": 41}

GUARDED_EVENTS = frozenset(
    {
        "open", "os.listdir", "os.scandir", "os.mkdir", "os.rmdir", "os.remove", "os.rename", "os.link",
        "os.symlink", "os.chdir", "os.truncate", "os.chmod", "os.utime",
    }
)  # fmt: skip
"""Audit events of Python whose first argument is a path."""


@dataclass(frozen=True)
class Mounts:
    """The paths that processes see.

    Attributes:
        scratch: An empty directory, on which the new root is put together.
        places: Where a path such as `/dbfs` leads.
        hidden: Directories that the process must not look into.
        enabled: Whether to use a mount namespace.
    """

    scratch: str
    places: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    enabled: bool = True


class MountsUnavailableError(OSError):
    """Raised when the platform gives no mount namespace."""


def enter(mounts: Mounts) -> Mapping[str, str]:
    """Make the paths lead to their places. Call it while the process has one thread.

    Returns:
        Where each path leads: to itself, or, without a mount namespace, to its directory on disk.
    """
    try:
        _enter_namespace(mounts)
    except MountsUnavailableError as error:
        guard_paths(tuple(mounts.places), str(error))
        return mounts.places
    return {path: path for path in mounts.places}


@cache
def are_available() -> bool:
    """Whether this machine gives mount namespaces. It is tried in a process of its own."""
    command = [sys.executable, "-IS", __file__]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - this file


def guard_paths(prefixes: tuple[str, ...], reason: str) -> None:
    """Make Python's file functions in this process explain why these paths are missing."""
    starts = tuple(f"{prefix}/" for prefix in prefixes)

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in GUARDED_EVENTS or not arguments:
            return
        path = arguments[0]
        text = os.fsdecode(path) if isinstance(path, bytes) else path
        if isinstance(text, str) and (text in prefixes or text.startswith(starts)):
            raise OSError(
                f"{text}: file functions do not reach {', '.join(prefixes)} in this local workspace, because "
                f"{reason}. dbutils.fs and spark do."
            )

    sys.addaudithook(refuse)


def _enter_namespace(mounts: Mounts) -> None:
    if not mounts.enabled:
        raise MountsUnavailableError("mount namespaces are switched off")
    here = Path.cwd()
    _unshare()
    try:
        _change_root(mounts)
    except OSError as error:
        raise MountsUnavailableError(f"the kernel refuses a mount ({error})") from error
    os.chdir(here)


def _unshare() -> None:
    if not sys.platform.startswith("linux"):
        raise MountsUnavailableError(f"{sys.platform} has no mount namespaces")
    library = _library()
    if library.unshare(_CLONE_NEWNS) == 0:
        return
    user, group = os.getuid(), os.getgid()
    if library.unshare(_CLONE_NEWUSER | _CLONE_NEWNS) != 0:
        raise MountsUnavailableError(
            f"the kernel refuses mount namespaces ({os.strerror(ctypes.get_errno())})"
        )
    # Keep the user and group of the process.
    process = Path("/proc/self")
    process.joinpath("setgroups").write_text("deny")
    process.joinpath("uid_map").write_text(f"{user} {user} 1")
    process.joinpath("gid_map").write_text(f"{group} {group} 1")


def _change_root(mounts: Mounts) -> None:
    """Build a root like the present one, with the places added, and make it the root."""
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    for hidden in mounts.hidden:
        _mount("tmpfs", hidden, "tmpfs", 0, "size=0k,mode=500")
    _mount("tmpfs", mounts.scratch, "tmpfs", 0, "mode=755")
    for entry in os.scandir("/"):
        target = f"{mounts.scratch}/{entry.name}"
        if f"/{entry.name}" in mounts.places:
            continue
        if entry.is_symlink():
            Path(target).symlink_to(Path(entry.path).readlink())
        elif entry.is_dir():
            Path(target).mkdir()
            _mount(entry.path, target, "", _MS_BIND | _MS_REC)
        elif entry.is_file():
            Path(target).touch()
            _mount(entry.path, target, "", _MS_BIND)
    for path, place in mounts.places.items():
        target = f"{mounts.scratch}{path}"
        Path(target).mkdir()
        _mount(place, target, "", _MS_BIND | _MS_REC)
    _pivot(mounts.scratch)


def _pivot(root: str) -> None:
    os.chdir(root)
    number = _PIVOT_ROOT_BY_MACHINE.get(os.uname().machine)
    if number is None:
        os.chroot(".")
    else:
        library = _library()
        # The old root comes to lie on the new one, from which it is taken away (pivot_root(2), notes).
        _check(library.syscall(number, b".", b"."), f"pivot_root {root}")
        _check(library.umount2(b".", _MNT_DETACH), "umount of the old root")
    os.chdir("/")


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    result = _library().mount(
        os.fsencode(source), os.fsencode(target), kind.encode() or None, flags, data.encode() or None
    )
    _check(result, f"mount of {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _library() -> Any:
    library = ctypes.CDLL(None, use_errno=True)
    library.mount.argtypes = (
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_ulong,
        ctypes.c_char_p,
    )
    library.syscall.argtypes = (ctypes.c_long, ctypes.c_char_p, ctypes.c_char_p)
    return library


if __name__ == "__main__":
    try:
        _unshare()
        _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    except OSError:
        sys.exit(1)
