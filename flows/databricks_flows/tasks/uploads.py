"""What is uploaded: which local files, under which names, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from databricks_blocks.csv.faults import InputError, has_undecoded_bytes
from databricks_blocks.staging.uploaded_note import Uploaded

from databricks_flows.shared.local_files import files_named

_SHOWN = 5


@dataclass(frozen=True)
class UploadedFile:
    """A local file that is in the storage.

    Attributes:
        file: Its path on this machine.
        name: Its name in the folder.
        uri: Its URI, as Spark and `COPY INTO` read it.
        size: Its bytes.
        state: `new`; `replaced`: one of that name was there; `unchanged`: it was there as it is, and was not
            uploaded again.
    """

    file: str
    name: str
    uri: str
    size: int
    state: Literal["new", "replaced", "unchanged"]


class FilesNotUploaded(RuntimeError):
    """Raised when some files are not uploaded; all others are.

    Attributes:
        uploaded: The files that are in the storage.
        errors: What is wrong with each of the others, in one line.

    Examples:
        >>> from databricks_flows import FilesNotUploaded
        >>> try:
        ...     raise FilesNotUploaded([], ["a.csv: No such file or directory"])
        ... except FilesNotUploaded as error:
        ...     print(error)
        1 of 1 files are not uploaded: a.csv: No such file or directory
    """

    def __init__(self, uploaded: Sequence[UploadedFile], errors: Sequence[str]) -> None:
        self.uploaded, self.errors = list(uploaded), list(errors)
        rest = f"; and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
        total = len(uploaded) + len(errors)
        told = "; ".join(errors[:_SHOWN])
        super().__init__(f"{len(errors)} of {total} files are not uploaded: {told}{rest}")

    def __reduce__(self) -> tuple[type[FilesNotUploaded], tuple[list[UploadedFile], list[str]]]:
        """Rebuild the error from its facts: Prefect pickles the errors of runs."""
        return type(self), (self.uploaded, self.errors)


@dataclass(frozen=True)
class Sent:
    """A file that is in the storage, and what the note says of it."""

    file: UploadedFile
    noted: Uploaded


class BatchNotUploaded(FilesNotUploaded):
    """Raised when files of a batch are not uploaded."""

    def __init__(self, sent: Sequence[Sent], errors: Sequence[str]) -> None:
        super().__init__([each.file for each in sent], errors)
        self.sent = list(sent)

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild the error from its facts."""
        return type(self), (self.sent, self.errors)


def find_uploads(files: str | Path | Sequence[str | Path]) -> dict[str, Path]:
    """Find local files, by the names that they get in the storage.

    Args:
        files: Files, folders and patterns.

    Raises:
        InputError: There is no such file, two have the same name, or one has a name that no storage takes.
    """
    given = [files] if isinstance(files, str | Path) else files
    found: dict[str, Path] = {}
    for path in dict.fromkeys(path.absolute() for name in given for path in _files_of(str(name))):
        if has_undecoded_bytes(path.name):
            raise InputError(f"{path}: the name of the file is not UTF-8; rename it")
        if path.name.startswith((".", "_")):
            raise InputError(f"{path}: Spark passes over names that begin with `.` or `_`; rename the file")
        if path.name in found:
            raise InputError(f"{found[path.name]} and {path}: both would be `{path.name}`; rename one")
        found[path.name] = path
    return found


def _files_of(name: str) -> list[Path]:
    return files_named(name, "file", lambda file: not file.name.startswith((".", "_")))
