"""`dbutils.fs`, on DBFS, volumes and the driver's own files, by plain file operations."""

import os
import shutil
import urllib.request
from collections import namedtuple
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from databricks_local.runtime.dbutils.help import Helpful

DBFS, VOLUMES, WORKSPACE = "/dbfs", "/Volumes", "/Workspace"


def in_workspace(path: str) -> str:
    """A path of the workspace without `/Workspace`, which is another name for its root.

    Example:
        >>> in_workspace("/Workspace/Shared/a"), in_workspace("/Shared/a"), in_workspace("/Workspaces/a")
        ('/Shared/a', '/Shared/a', '/Workspaces/a')
    """
    return path.removeprefix(WORKSPACE) if path.startswith(f"{WORKSPACE}/") else path


_MOUNT_CALLS = frozenset({"mount", "mounts", "refreshMounts", "unmount", "updateMount"})

_FileInfo = namedtuple("_FileInfo", ["path", "name", "size", "modificationTime"])


class FileInfo(_FileInfo):
    """A file or directory as `dbutils.fs.ls` shows it; a directory's name ends with a slash."""

    __slots__ = ()

    def isDir(self) -> bool:  # noqa: N802
        """Whether this is a directory."""
        return bool(self.name.endswith("/"))

    def isFile(self) -> bool:  # noqa: N802
        """Whether this is a file."""
        return not self.isDir()


FileInfo.__name__ = FileInfo.__qualname__ = "FileInfo"


class FileNotFoundException(Exception):
    """Raised where Databricks raises Java's exception of this name."""


class Py4JSecurityException(Exception):
    """What a notebook gets where a cluster in standard (shared) access mode refuses (words: ucx#2285)."""


class _Location:
    """A path as the notebook gives it, with its file system and its place on disk."""

    def __init__(self, given: object, places: Mapping[str, str]) -> None:
        if not isinstance(given, str):
            raise TypeError("A path is a string.")
        self.given = given
        scheme, colon, rest = given.partition(":")
        if not colon or "/" in scheme:
            scheme, rest = "dbfs", given
        if scheme not in ("dbfs", "file"):
            raise ValueError(
                f"The scheme of {given} is not served by the local workspace: dbutils.fs reaches dbfs:/, "
                "/Volumes and file:/. Spark reaches object storage."
            )
        # A relative path begins at the root, as the working directory of DBFS is its root.
        path = "/" + rest.lstrip("/")
        if not rest:
            raise ValueError("Can not create a Path from an empty string")
        if ".." in PurePosixPath(path).parts:
            raise ValueError(f"{given} may lead out of its file system.")
        self.scheme, self.path = scheme, path
        if scheme == "file":
            self.root, self.place = Path("/"), Path(path)
            return
        below = [name for name in path.split("/") if name]
        prefix = f"/{below[0]}" if below and f"/{below[0]}" in (VOLUMES, WORKSPACE) else DBFS
        self.root = Path(places[prefix])
        self.place = self.root.joinpath(*(below if prefix == DBFS else below[1:]))

    def uri(self, place: Path) -> str:
        """A place below this one as `ls` shows it."""
        inside = place.relative_to(self.place).as_posix()
        path = self.path.rstrip("/") if inside == "." else f"{self.path.rstrip('/')}/{inside}"
        slash = "/" if place.is_dir() else ""
        return f"{self.scheme}:{path or ''}{slash if path else '/'}"

    def existing(self) -> Path:
        """The place; refuses a missing one."""
        if not self.place.exists():
            raise FileNotFoundException(f"No such file or directory {self.given}")
        return self.place


class FileSystemUtils(Helpful):
    """`dbutils.fs`."""

    def __init__(self, places: Mapping[str, str]) -> None:
        """Set up.

        Args:
            places: Where `/dbfs`, `/Volumes` and `/Workspace` are on disk.
        """
        self._places = places

    def ls(self, dir: str) -> list[FileInfo]:  # noqa: A002
        """What is in a directory."""
        location = self._at(dir)
        place = location.existing()
        found = sorted(place.iterdir()) if place.is_dir() else [place]
        return [_info(location, item) for item in found]

    def head(self, file: str, max_bytes: int = 65536, **named: int) -> str:
        """The beginning of a file as text."""
        size = named.pop("maxBytes", max_bytes)
        if named:
            raise TypeError(f"head() has no argument {next(iter(named))}")
        place = self._at(file).existing()
        if place.is_dir():
            raise ValueError(f"Cannot head a directory: {file}")
        with place.open("rb") as stream:
            content = stream.read(size)
        if place.stat().st_size > size:
            print(f"[Truncated to first {size} bytes]")  # noqa: T201 - as Databricks does
        return content.decode("utf-8", "replace")

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        """Write text to a file."""
        place = self._at(file).place
        if place.exists() and not overwrite:
            raise FileExistsError(f"File already exists: {file}")
        place.parent.mkdir(parents=True, exist_ok=True)
        content = contents.encode()
        place.write_bytes(content)
        print(f"Wrote {len(content)} bytes.")  # noqa: T201 - as Databricks does
        return True

    def mkdirs(self, dir: str) -> bool:  # noqa: A002
        """Make a directory and those above it."""
        self._at(dir).place.mkdir(parents=True, exist_ok=True)
        return True

    def rm(self, dir: str, recurse: bool = False) -> bool:  # noqa: A002
        """Remove a file or directory; False if there is none."""
        location = self._at(dir)
        place = location.place
        if place == location.root:
            raise ValueError(f"The root {dir} cannot be removed.")
        if place.is_symlink() or place.is_file():
            place.unlink()
        elif not place.exists():
            return False
        elif recurse:
            shutil.rmtree(place)
        elif any(place.iterdir()):
            raise OSError(f"Cannot delete {dir}: the directory is not empty and recurse is not set.")
        else:
            place.rmdir()
        return True

    def cp(self, source: str, to: str, recurse: bool = False) -> bool:
        """Copy a file, or a directory if told to; into a directory that is there, under its own name."""
        if source.startswith(("http://", "https://")):
            return _download(source, self._at(to).place)
        place, target = self._source_and_target(source, to, recurse)
        if place.is_dir():
            shutil.copytree(place, target, dirs_exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, target)
        return True

    def mv(self, source: str, to: str, recurse: bool = False) -> bool:
        """Move a file, or a directory if told to."""
        place, target = self._source_and_target(source, to, recurse)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(os.fspath(place), os.fspath(target))
        return True

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        if name in _MOUNT_CALLS:
            return partial(_refuse_mounts, name)
        raise AttributeError(f"dbutils.fs.{name} is not served by the local workspace yet")

    def _source_and_target(self, source: str, to: str, recurse: bool) -> tuple[Path, Path]:
        place, target = self._at(source).existing(), self._at(to).place
        if place.is_dir() and not recurse:
            raise ValueError(f"Cannot copy or move the directory {source} unless recurse is set to true")
        if target.is_dir() and not place.is_dir():
            target /= place.name
        if place.is_dir() and target.is_relative_to(place):
            raise ValueError(f"{to} is inside of {source}.")
        return place, target

    def _at(self, path: object) -> _Location:
        return _Location(path, self._places)


def _download(url: str, target: Path) -> bool:
    """Copy a file of the web, as Hadoop's file system for http does."""
    if target.is_dir():
        target /= PurePosixPath(url).name
    target.parent.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(url) as answer, target.open("wb") as file:  # noqa: S310 - http and https only
        shutil.copyfileobj(answer, file)
    return True


def _refuse_mounts(name: str, *_: object, **__: object) -> NoReturn:
    raise Py4JSecurityException(
        f"Method {name} is not whitelisted on class class com.databricks.backend.daemon.dbutils.DBUtilsCore: "
        "mounts do not work in standard access mode, nor here. Use a volume, or let Spark read the URI."
    )


def _info(location: _Location, place: Path) -> FileInfo:
    status = place.lstat() if place.is_symlink() and not place.exists() else place.stat()
    directory = place.is_dir()
    uri = location.uri(place)
    modified: Any = status.st_mtime_ns // 1_000_000
    size = 0 if directory else status.st_size
    return FileInfo(uri, place.name + ("/" if directory else ""), size, modified)
