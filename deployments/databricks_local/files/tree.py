"""Files under one directory of the workspace's root, addressed by the API's absolute paths.

Files are read and written in pieces, never held as a whole.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from databricks_local.api.errors import ApiError, invalid_parameter

MAX_PATH_LENGTH = 2_000
MAX_NAME_BYTES = 255
PIECE = 256 * 1024
PARTS = "parts"
"""The directory beside the trees in which uploads grow."""

PARTS_NAME = re.compile(r"part-\w{8}", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """A file or directory."""

    name: str
    path: str
    is_directory: bool
    size: int
    modified_at: int


class Tree:
    """A directory that no path, and no symbolic link in it, leads out of."""

    def __init__(self, root: Path, not_found: Callable[[str], ApiError]) -> None:
        """Set up.

        Args:
            root: The directory; it is made.
            not_found: Makes the refusal for a path that is missing or leads outside.
        """
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self.not_found = not_found

    def place(self, path: str) -> Path:
        """Where an absolute path is on disk.

        Raises:
            ApiError: If it is not absolute, has an invalid name in it, or leads out through a link.
        """
        if not path.startswith("/"):
            raise invalid_parameter(f"Path must be absolute: {path[:MAX_PATH_LENGTH]}")
        if len(path) > MAX_PATH_LENGTH:
            raise invalid_parameter(f"The path is longer than {MAX_PATH_LENGTH} characters.")
        names = [name for name in path.split("/") if name]
        for name in names:
            if name in (".", "..") or not name.isprintable() or len(os.fsencode(name)) > MAX_NAME_BYTES:
                raise invalid_parameter(f"Path ({path}) has an invalid name in it: {name!r}")
        place = self.root.joinpath(*names)
        if not leads_inside(place, self.root):
            raise self.not_found(path)
        return place

    def existing(self, path: str) -> Path:
        """The same, for a path that exists."""
        place = self.place(path)
        if not place.exists():
            raise self.not_found(path)
        return place

    def describe(self, place: Path) -> Entry:
        """Describe a place."""
        status = place.stat()
        inside = place.relative_to(self.root).as_posix()
        path = "/" if inside == "." else f"/{inside}"
        directory = place.is_dir()
        return Entry(place.name, path, directory, 0 if directory else status.st_size, _milliseconds(status))

    def children(self, place: Path) -> Iterator[Entry]:
        """The contents of a directory, by name, without broken links, pipes, and what vanishes meanwhile."""
        for child in sorted(place.iterdir()):
            with suppress(FileNotFoundError):
                if leads_inside(child, self.root) and is_servable(child):
                    yield self.describe(child)

    @contextmanager
    def replacing(self, place: Path) -> Iterator[BinaryIO]:
        """Write a file elsewhere first; it appears at its place, whole, if there is no error."""
        place.parent.mkdir(parents=True, exist_ok=True)
        part = new_part(self.root)
        try:
            with part.open("wb") as file:
                yield file
            put_in_place(part, place)
        finally:
            part.unlink(missing_ok=True)


def is_servable(place: Path) -> bool:
    """Whether there is a file or a directory. To open a pipe would wait for its other end."""
    return place.is_file() or place.is_dir()


def is_taken(place: Path) -> bool:
    """Whether there is something that is no directory: a file, a pipe, a broken link."""
    return (place.exists() or place.is_symlink()) and not place.is_dir()


def leads_inside(place: Path, root: Path) -> bool:
    """Whether a place is below a root, with links followed; False for an impossible path.

    Args:
        place: The place; nothing needs to be there.
        root: The root, its own links followed.
    """
    try:
        # Unlike the next line, this raises for a path that is too long.
        place.exists()
        return place.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        # Too long for a path, or links in a circle.
        return False


def new_part(root: Path) -> Path:
    """A new file for an upload, on the same file system and outside of the tree."""
    parts = root.parent / PARTS
    parts.mkdir(exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix="part-", dir=parts)
    os.close(descriptor)
    return Path(name)


def put_in_place(part: Path, place: Path) -> None:
    """Move a finished upload to where it belongs."""
    part.chmod(0o644)
    part.replace(place)


def read_pieces(place: Path, start: int, length: int) -> Iterator[bytes]:
    """The bytes of a file from `start` on, piece by piece."""
    with place.open("rb") as file:
        file.seek(start)
        while length > 0:
            piece = file.read(min(PIECE, length))
            if not piece:
                return
            length -= len(piece)
            yield piece


def remove(place: Path) -> None:
    """Remove a file, or a directory with its contents. Of a link, only the link is removed.

    This can take long. What vanishes meanwhile, as by another request, is no error.
    """
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, onerror=_unless_gone)
    else:
        place.unlink(missing_ok=True)


def _unless_gone(_: object, __: str, error: tuple[type[BaseException], BaseException, object]) -> None:
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]


def _milliseconds(status: os.stat_result) -> int:
    return status.st_mtime_ns // 1_000_000
