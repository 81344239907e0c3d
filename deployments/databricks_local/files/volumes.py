"""Unity Catalog volumes: directories under `<root>/volumes/<catalog>/<schema>/<volume>`.

A volume exists when its directory exists, however that was made.
"""

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.files.tree import MAX_NAME_BYTES, Entry, Tree, is_taken, remove

PREFIX = "/Volumes"
DEFAULT_SCHEMA = ("main", "default")
"""Made at the first start, so that there is a place for a volume and a table."""

HIVE_SCHEMA = ("hive_metastore", "default")
"""Always there, as on Databricks."""

VOLUME_DEPTH = 3
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_NAME = re.compile(r"[^\s./\x00-\x1f\x7f]{1,255}")


class FilesApiError(ApiError):
    """A refusal of the Files API, which says more precisely why in its details.

    Source of the reasons: databricks/cli, filer of the Files API.
    """

    def __init__(self, status: int, error_code: str, message: str, reason: str) -> None:
        super().__init__(status, error_code, message)
        self.reason = reason

    def as_dict(self) -> dict[str, Any]:
        """The body of the answer."""
        info = {"@type": _ERROR_INFO, "reason": self.reason, "domain": "filesystem.databricks.com"}
        return {**super().as_dict(), "details": [info]}


def _missing(path: str) -> ApiError:
    return FilesApiError(
        404, "NOT_FOUND", f"The file being accessed is not found. Path: {path}", "FILES_API_FILE_NOT_FOUND"
    )


def _directory_missing(path: str) -> ApiError:
    return FilesApiError(
        404,
        "NOT_FOUND",
        f"The directory being accessed is not found. Path: {path}",
        "FILES_API_DIRECTORY_IS_NOT_FOUND",
    )


def _came_before(place: Path, moment: float) -> bool:
    try:
        # A file that is moved here keeps its other times.
        return place.lstat().st_ctime < moment
    except OSError:
        # It vanished, or cannot be looked at.
        return True


class Volumes:
    """The tree of volumes, with the paths of the Files API."""

    def __init__(self, root: Path) -> None:
        fresh = not root.exists()
        self.tree = Tree(root, _missing)
        if fresh:
            self.tree.root.joinpath(*DEFAULT_SCHEMA).mkdir(parents=True)
        self.tree.root.joinpath(*HIVE_SCHEMA).mkdir(parents=True, exist_ok=True)

    def file(self, path: str) -> Path:
        """The place of an existing file."""
        place = self._place(path)
        if not place.is_file():
            raise _missing(path)
        return place

    def files_below(self, url: str, before: float = math.inf) -> frozenset[str]:
        """The paths of the files in a directory and below it; none if it is no directory of a volume.

        It looks into each directory, which may take a while: call it aside of the event loop.

        Args:
            url: The path of the directory.
            before: Leaves out files that came, or were changed, later; seconds since 1970.
        """
        path = url.removeprefix("dbfs:")
        with suppress(ApiError):
            top = self._place(path)
            found = (Path(folder, name) for folder, _, names in os.walk(top) for name in names)
            return frozenset(
                f"{PREFIX}/{place.relative_to(self.tree.root).as_posix()}"
                for place in found
                if before == math.inf or _came_before(place, before)
            )
        return frozenset()

    def describe(self, place: Path) -> Entry:
        """Describe a place."""
        entry = self.tree.describe(place)
        return Entry(entry.name, PREFIX + entry.path, entry.is_directory, entry.size, entry.modified_at)

    def directory(self, path: str) -> Path:
        """The place of an existing directory."""
        place = self._place(path)
        if not place.is_dir():
            raise _directory_missing(path)
        return place

    def children(self, path: str) -> list[Entry]:
        """What is in a directory."""
        return [self.describe(self.tree.root / entry.path[1:]) for entry in self._children(path)]

    @contextmanager
    def writing(self, path: str, *, overwrite: bool) -> Iterator[BinaryIO]:
        """Write a file in pieces."""
        place = self.writable(path, overwrite=overwrite)
        with self.tree.replacing(place) as file:
            yield file

    def writable(self, path: str, *, overwrite: bool) -> Path:
        """Where a file may be written.

        Raises:
            ApiError: If there is a directory, or a file that may not be replaced.
        """
        place = self._inside_volume(path)
        if place.is_dir() or any(is_taken(above) for above in place.parents):
            raise invalid_parameter(f"The path {path} cannot be a file: a part of it is taken.")
        if place.exists() and not overwrite:
            # Source: databricks/cli, filer of the Files API: a 409 with this code.
            raise FilesApiError(
                409,
                "ALREADY_EXISTS",
                f"The file being created already exists. Path: {path}",
                "FILES_API_FILE_ALREADY_EXISTS",
            )
        return place

    def delete_file(self, path: str) -> None:
        """Delete a file."""
        self._inside_volume(path)
        self.file(path).unlink()

    def make_directory(self, path: str) -> None:
        """Make a directory and those above it."""
        place = self._inside_volume(path, or_itself=True)
        if any(is_taken(above) for above in (place, *place.parents)):
            raise FilesApiError(
                409,
                "ALREADY_EXISTS",
                f"A part of the path is a file. Path: {path}",
                "FILES_API_FILE_ALREADY_EXISTS",
            )
        place.mkdir(parents=True, exist_ok=True)

    def delete_directory(self, path: str) -> None:
        """Delete a directory that is empty."""
        self._inside_volume(path)
        place = self.directory(path)
        if place.is_symlink():
            # A link has no contents of its own.
            place.unlink()
            return
        if any(place.iterdir()):
            raise FilesApiError(
                400,
                "INVALID_PARAMETER_VALUE",
                f"The directory is not empty. Path: {path}",
                "FILES_API_DIRECTORY_IS_NOT_EMPTY",
            )
        place.rmdir()

    def names(self, *above: str) -> list[str]:
        """The catalogs, the schemas of one, or the volumes of one, by name."""
        place = self.tree.root.joinpath(*above)
        if not place.is_dir():
            return []
        # Which of them are directories is in the listing: nothing is asked of each.
        with suppress(FileNotFoundError), os.scandir(place) as children:
            return sorted(child.name for child in children if child.is_dir(follow_symlinks=False))
        return []

    def find(self, *names: str) -> tuple[str, ...]:
        """The names as they are kept of a catalog, schema or volume; none if there is none in any case."""
        found: tuple[str, ...] = ()
        for name in names:
            below = self.names(*found)
            matching = [each for each in below if each.lower() == name.lower()]
            if name not in below and not matching:
                return ()
            found = (*found, name if name in below else matching[0])
        return found

    def has(self, *names: str) -> bool:
        """Whether there is this catalog, schema or volume."""
        return all(_NAME.fullmatch(name) for name in names) and names[-1] in self.names(*names[:-1])

    def make(self, *names: str) -> Path:
        """Make a catalog, schema or volume."""
        if not _NAME.fullmatch(names[-1]):
            raise invalid_parameter(f"'{names[-1][:300]}' is not a valid name.")
        if len(names[-1].encode()) > MAX_NAME_BYTES:
            raise invalid_parameter(
                f"The name '{names[-1]}' is too long for a directory of this machine, which has up to "
                f"{MAX_NAME_BYTES} bytes in UTF-8 (tables may be longer)."
            )
        place = self.tree.root.joinpath(*names)
        if is_taken(place) or place.is_symlink():
            raise invalid_parameter(f"'{names[-1]}' is taken by a file or a link.")
        place.mkdir()
        return place

    def drop(self, *names: str) -> None:
        """Remove a catalog, schema or volume with its contents."""
        remove(self.tree.root.joinpath(*names))

    def _children(self, path: str) -> Iterator[Entry]:
        return self.tree.children(self.directory(path))

    def _place(self, path: str) -> Path:
        if not (path == PREFIX or path.startswith(f"{PREFIX}/")):
            raise invalid_parameter(f"Invalid path: {path}. Only paths under /Volumes are supported.")
        return self.tree.place(path.removeprefix(PREFIX) or "/")

    def _inside_volume(self, path: str, *, or_itself: bool = False) -> Path:
        place = self._place(path)
        names = place.relative_to(self.tree.root).parts
        if len(names) < VOLUME_DEPTH + (0 if or_itself else 1):
            raise invalid_parameter(
                f"Invalid path: {path}. A path has the form /Volumes/<catalog>/<schema>/<volume>/<path>."
            )
        volume = names[:VOLUME_DEPTH]
        if not self.has(*volume):
            name = ".".join(volume)
            raise FilesApiError(
                404, "NOT_FOUND", f"Volume '{name}' does not exist.", "FILES_API_VOLUME_NOT_FOUND"
            )
        return place
