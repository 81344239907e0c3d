"""The note beside uploaded files, by which a later upload knows what changed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

UPLOADED_NOTE = "_uploaded.json"
"""Name of the note. Spark passes over files whose names begin with `_`."""


@dataclass(frozen=True)
class Uploaded:
    """A file as it was uploaded.

    Attributes:
        size: Its bytes.
        sha256: Digest of its content.
        written_at: When it was written, by the clock of the storage: whoever replaces it changes that.
    """

    size: int
    sha256: str
    written_at: str


@dataclass(frozen=True)
class UploadedNote:
    """The files that are known to be in a folder.

    Attributes:
        files: The files by their names.
    """

    files: Mapping[str, Uploaded] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: bytes) -> UploadedNote:
        """Read a note. One that cannot be read knows no file, so that all are uploaded."""
        try:
            entries = json.loads(text)["files"].items()
            return cls({name: _read(entry) for name, entry in entries})
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def as_json(self) -> bytes:
        """Write the note."""
        files = {name: asdict(self.files[name]) for name in sorted(self.files)}
        return json.dumps({"files": files}, indent=1).encode()

    def with_files(self, files: Mapping[str, Uploaded]) -> UploadedNote:
        """The note with more files."""
        return UploadedNote({**self.files, **files})


def _read(entry: Mapping[str, Any]) -> Uploaded:
    return Uploaded(int(entry["size"]), str(entry["sha256"]), str(entry["written_at"]))
