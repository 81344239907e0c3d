"""Reads the log of a Delta table: its state, its files, its commits."""

import base64
import json
import re
import string
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from databricks_local.runtime.tables.delta.schema import Field

LOG = "_delta_log"

_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.\d{10}\.\d{10})?\.parquet")

_ENCODED_ID = 20
_DIGITS = string.digits + string.ascii_lowercase + string.ascii_uppercase
_FROM_Z85 = str.maketrans(
    _DIGITS + ".-:+=^!/*?&<>()[]{}@%$#",
    string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~",
)
"""Python decodes base 85 by other signs than Delta writes."""

Action = dict[str, Any]
"""A line of a commit."""


class NoDeltaTableError(ValueError):
    """Raised when there is no Delta table at a place."""


@dataclass(frozen=True)
class Snapshot:
    """A Delta table at a version.

    Attributes:
        version: The version; -1 before the first commit.
        fields: The fields of its schema.
        partitions: The columns by which it is partitioned.
        configuration: Its properties.
        metadata: The action of the log that has all of this.
        protocol: The action that says who may read and write it.
        files: The files that hold its rows, by their `file_key`.
        transactions: The newest version of each application that notes what it has done.
    """

    version: int
    fields: tuple[Field, ...] = ()
    partitions: tuple[str, ...] = ()
    configuration: Mapping[str, str] = field(default_factory=dict)
    metadata: Action = field(default_factory=dict)
    protocol: Action = field(default_factory=dict)
    files: Mapping[str, Action] = field(default_factory=dict)
    transactions: Mapping[str, int] = field(default_factory=dict)

    @property
    def paths(self) -> list[str]:
        """The paths of its files, below the table."""
        return [unquote(add["path"]) for add in self.files.values()]

    @property
    def is_mapped(self) -> bool:
        """Whether columns have other names in its files."""
        return self.configuration.get("delta.columnMapping.mode", "none") != "none"


@dataclass(frozen=True)
class Commit:
    """A version as it was written."""

    version: int
    actions: Sequence[Action]

    @property
    def info(self) -> Action:
        """What is told about it."""
        return next((action["commitInfo"] for action in self.actions if "commitInfo" in action), {})


class DeltaLog:
    """The log of a table."""

    def __init__(self, table: Path) -> None:
        """Set up.

        Args:
            table: The directory of the table.
        """
        self.table = table
        self.directory = table / LOG

    @property
    def exists(self) -> bool:
        """Whether there is a table."""
        return self.directory.is_dir() and any(
            _COMMIT.fullmatch(each.name) or _CHECKPOINT.fullmatch(each.name)
            for each in self.directory.iterdir()
        )

    @property
    def has_checkpoints(self) -> bool:
        """Whether there is a checkpoint."""
        return bool(self._checkpoints())

    def path_of(self, version: int) -> Path:
        """The file of a commit."""
        return self.directory / f"{version:020}.json"

    def versions(self) -> list[int]:
        """The versions whose commits are there, oldest first."""
        names = (each.name for each in self.directory.iterdir()) if self.directory.is_dir() else iter(())
        return sorted(int(found[1]) for found in map(_COMMIT.fullmatch, names) if found)

    def commit(self, version: int) -> Commit:
        """One commit."""
        lines = self.path_of(version).read_text(encoding="utf-8").split("\n")
        return Commit(version, [json.loads(line) for line in lines if line.strip()])

    def commits(self, after: int = -1) -> list[Commit]:
        """The commits after a version, oldest first."""
        return [self.commit(version) for version in self.versions() if version > after]

    def latest(self) -> int:
        """The newest version.

        Raises:
            NoDeltaTableError: If there is none.
        """
        versions = [*self.versions(), *self._checkpoints()]
        if not versions:
            raise NoDeltaTableError(f"{self.table} is not a Delta table.")
        return max(versions)

    def reach(self) -> tuple[int, int]:
        """The oldest version that can be read, and the newest one: old commits are cleaned up.

        Raises:
            NoDeltaTableError: If there is none.
        """
        latest = earliest = self.latest()
        present, checkpoints = set(self.versions()), self._checkpoints()
        # Back over the commits that follow each other; then from the oldest checkpoint that joins them.
        while earliest - 1 in present and earliest in present:
            earliest -= 1
        first = earliest if earliest in present else latest + 1
        whole = [each for each in checkpoints if each >= first - 1]
        return (0 if first == 0 else min(whole, default=latest)), latest

    def snapshot(self, version: int | None = None) -> Snapshot:
        """The table at a version.

        Args:
            version: The version. None: the newest one.

        Raises:
            NoDeltaTableError: If there is no such version.
        """
        latest = self.latest()
        wanted = latest if version is None else version
        checkpoint = max((each for each in self._checkpoints() if each <= wanted), default=-1)
        needed = range(checkpoint + 1, wanted + 1)
        present = set(self.versions())
        if wanted > latest or not present.issuperset(needed):
            raise NoDeltaTableError(f"{self.table} has no version {wanted}.")
        state = _State()
        if checkpoint >= 0:
            state.apply(self._checkpoints()[checkpoint])
        for each in needed:
            state.apply(self.commit(each).actions)
        return state.snapshot(wanted)

    def _checkpoints(self) -> "dict[int, _Checkpoint]":
        found: dict[int, list[Path]] = {}
        for each in sorted(self.directory.iterdir()) if self.directory.is_dir() else ():
            match = _CHECKPOINT.fullmatch(each.name)
            if match:
                found.setdefault(int(match[1]), []).append(each)
        return {version: _Checkpoint(paths) for version, paths in found.items()}


class _Checkpoint:
    """The actions of a checkpoint, read when they are asked for."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths

    def __iter__(self) -> Any:
        from pyarrow import parquet

        for path in self._paths:
            for row in parquet.read_table(path).to_pylist(maps_as_pydicts="lossy"):
                yield {name: value for name, value in row.items() if value is not None}


class _State:
    """What a reader of a log knows so far."""

    def __init__(self) -> None:
        self._metadata: Action = {}
        self._protocol: Action = {}
        self._files: dict[str, Action] = {}
        self._transactions: dict[str, int] = {}

    def apply(self, actions: Any) -> None:
        adds = []
        for action in actions:
            self._metadata = action.get("metaData", self._metadata)
            self._protocol = action.get("protocol", self._protocol)
            if "remove" in action:
                self._files.pop(file_key(action["remove"]), None)
            if "add" in action:
                adds.append(action["add"])
            if "txn" in action:
                self._transactions[action["txn"]["appId"]] = action["txn"]["version"]
        # The actions of a commit have no order: a file that is there anew is not removed by the same commit.
        self._files.update({file_key(add): add for add in adds})

    def snapshot(self, version: int) -> Snapshot:
        schema = json.loads(self._metadata.get("schemaString") or '{"fields": []}')
        return Snapshot(
            version,
            tuple(schema["fields"]),
            tuple(self._metadata.get("partitionColumns") or ()),
            self._metadata.get("configuration") or {},
            self._metadata,
            self._protocol,
            self._files,
            self._transactions,
        )


def file_key(action: Action) -> str:
    """What tells the files of a table apart: a file with another deletion vector has other rows.

    Example:
        >>> file_key({"path": "a", "deletionVector": {"storageType": "i", "pathOrInlineDv": "x"}})
        'a ix'
    """
    vector = action.get("deletionVector")
    if not vector:
        return str(action["path"])
    place = "" if vector.get("offset") is None else f"@{vector['offset']}"
    return f"{action['path']} {vector['storageType']}{vector['pathOrInlineDv']}{place}"


def vector_path(add: Action) -> str | None:
    """The path of the deletion vector of a file below the table; None if there is none in a file of its own.

    Source: the protocol of Delta, *Deletion Vector Descriptor Schema*.
    """
    vector = add.get("deletionVector") or {}
    if vector.get("storageType") != "u":
        return None
    text = vector["pathOrInlineDv"]
    prefix, encoded = text[:-_ENCODED_ID], text[-_ENCODED_ID:]
    number = uuid.UUID(bytes=base64.b85decode(encoded.translate(_FROM_Z85)))
    return f"{prefix}/deletion_vector_{number}.bin".lstrip("/")


def rows_in(add: Action) -> int:
    """How many rows a file has, by its statistics; 0 if it has none."""
    stats = add.get("stats")
    return int(json.loads(stats).get("numRecords", 0)) if stats else 0
