"""A file of this machine that is read once, with the digest of what was read."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import IO, cast

from databricks_blocks.csv.faults import InputError

_READ_AT_ONCE = 1024 * 1024


class LocalFile(io.RawIOBase):
    """A file that is read from its beginning to its end.

    Reading fails at the end if the file was changed meanwhile: half of an old and half of a new file, or a
    record that is still being written, is never taken for a whole one.

    Attributes:
        path: The file.
        size: Its bytes, when it was opened.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Args:
            path: The file.

        Raises:
            InputError: It cannot be opened.
        """
        self.path = path
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}") from error
        self._opened_as = self._stamp()
        self.size = self._opened_as[0]
        self._read = hashlib.sha256()

    def readable(self) -> bool:
        """Tell `io` that this is a stream to read from."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, fewer only at the end.

        Raises:
            InputError: The file was changed since it was opened.
        """
        parts = []
        left = size if size >= 0 else self.size + 1
        while left and (part := self._file.read(left)):
            parts.append(part)
            left -= len(part)
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if left and self._stamp() != self._opened_as:
            raise InputError(f"{self.path}: was changed while it was read; begin again when it is complete")
        self._read.update(data)
        return data

    @property
    def digest(self) -> str:
        """SHA-256 of what has been read so far."""
        return self._read.hexdigest()

    def read_to_the_end(self) -> str:
        """Read what is left; the digest of all of it."""
        while self.read(_READ_AT_ONCE):
            pass
        return self.digest

    def stream(self) -> IO[bytes]:
        """The file, as what it is read from."""
        return cast("IO[bytes]", self)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _stamp(self) -> tuple[int, int]:
        found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns
