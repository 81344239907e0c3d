"""What a Delta table's log says, and its first commit, by `deltalake`.

The log is the truth about the columns of a table.
"""

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.runtime.tables.delta.log import DeltaLog

LOG = "_delta_log"
KEPT_STATES = 1_000
_VERSIONS = frozenset({"delta.minReaderVersion", "delta.minWriterVersion"})
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NO_CREDENTIALS = "an error occurred while loading credentials"


@dataclass(frozen=True)
class DeltaState:
    """A Delta table at a version.

    Attributes:
        version: The version.
        fields: The fields of its schema.
        partitions: The columns by which it is partitioned.
        properties: Its configuration.
        description: What it is told to be.
        delta_id: Its own id.
    """

    version: int
    fields: tuple[Json, ...]
    partitions: tuple[str, ...]
    properties: Mapping[str, str]
    description: str
    delta_id: str


@dataclass(frozen=True)
class NewTable:
    """What a Delta table is made with.

    Attributes:
        fields: The fields of its schema.
        partitions: The columns by which it is partitioned.
        properties: Its configuration.
        description: What it is told to be.
    """

    fields: Sequence[Json]
    partitions: Sequence[str] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    description: str = ""


class DeltaLogs:
    """Reads the logs of Delta tables; what was read is kept until there is a newer version."""

    def __init__(self, storage_options: Mapping[str, str]) -> None:
        """Set up.

        Args:
            storage_options: How storage besides this machine's is reached.
        """
        self.storage_options = dict(storage_options)
        self._read: OrderedDict[str, tuple[tuple[int, int], DeltaState]] = OrderedDict()
        self._reading = threading.Lock()

    def state(self, place: Path | str) -> DeltaState | None:
        """The newest state of a table; None if there is no Delta table. It reads files.

        Args:
            place: Its directory, or its URI elsewhere.
        """
        with self._reading:
            known = self._read.get(str(place))
            if known is not None:
                self._read.move_to_end(str(place))
        if known is not None and isinstance(place, Path) and _mark(place, known[1].version) == known[0]:
            return known[1]
        state = self._state(place)
        mark = _mark(place, state.version) if state is not None and isinstance(place, Path) else None
        with self._reading:
            self._read.pop(str(place), None)
            if state is not None and mark is not None:
                self._read[str(place)] = mark, state
            if len(self._read) > KEPT_STATES:
                self._read.popitem(last=False)
        return state

    def forget(self, place: Path | str) -> None:
        """Keep nothing of a table that is not there any more."""
        with self._reading:
            self._read.pop(str(place), None)

    def exists(self, place: Path | str) -> bool:
        """Whether there is a Delta table."""
        from deltalake import DeltaTable

        if isinstance(place, Path):
            return DeltaLog(place).exists
        return bool(DeltaTable.is_deltatable(place, self.storage_options))

    def create(self, place: Path | str, table: NewTable) -> None:
        """Write the first commit of a table.

        Raises:
            ApiError: If Delta refuses its columns or properties.
        """
        from deltalake import DeltaTable, Schema
        from deltalake.exceptions import DeltaError

        if not table.fields:
            raise invalid_parameter("A table needs at least one column.")
        try:
            schema = Schema.from_json(json.dumps({"type": "struct", "fields": list(table.fields)}))
            DeltaTable.create(
                place,
                schema,
                partition_by=list(table.partitions) or None,
                description=table.description or None,
                configuration=dict(table.properties) or None,
                storage_options=self._options(place),
                raise_if_key_not_exists=False,
            )
        except (DeltaError, ValueError, OSError) as error:
            raise invalid_parameter(f"The Delta table cannot be made: {in_one_line(error)}") from error

    def tell(self, place: Path | str, told: Json) -> bool:
        """Change what a table is told to be: its `comment`, and `properties` besides those that it has.

        Returns:
            Whether it is in the log: `deltalake` cannot write that of a table with identity or clustering.

        Raises:
            ApiError: If Delta refuses it.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import CommitFailedError, DeltaError

        for name in _VERSIONS & told.get("properties", {}).keys():
            # Of some values, deltalake panics.
            raise invalid_parameter(f"{name} cannot be changed here; use ALTER TABLE … SET TBLPROPERTIES.")
        try:
            opened = DeltaTable(place, storage_options=self._options(place))
            # Two commits. Properties may be refused: then there is none.
            if told.get("properties"):
                opened.alter.set_table_properties(told["properties"], raise_if_not_exists=False)
            if "comment" in told:
                opened.alter.set_table_description(told["comment"])
        except CommitFailedError as error:
            state = self.state(place)
            if state is not None and state.version == opened.version():
                # Nobody else has written meanwhile.
                return False
            raise ApiError(
                409, "RESOURCE_CONFLICT", f"The table was changed meanwhile: {in_one_line(error)}"
            ) from error
        except (DeltaError, ValueError, OSError) as error:
            raise invalid_parameter(f"The Delta table cannot be changed: {in_one_line(error)}") from error
        return True

    def _state(self, place: Path | str) -> DeltaState | None:
        if isinstance(place, Path):
            return _state_on_disk(place)
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            table = DeltaTable(place, storage_options=self._options(place))
            schema: dict[str, Any] = json.loads(table.schema().to_json())
            metadata = table.metadata()
        except TableNotFoundError:
            return None
        except (DeltaError, ValueError, OSError) as error:
            raise _unreadable(place, error) from error
        return DeltaState(
            table.version(),
            tuple(schema["fields"]),
            tuple(metadata.partition_columns),
            dict(metadata.configuration),
            metadata.description or "",
            str(metadata.id),
        )

    def _options(self, place: Path | str) -> dict[str, str] | None:
        return None if isinstance(place, Path) else self.storage_options


def _state_on_disk(place: Path) -> DeltaState | None:
    """The newest state of a table on this machine, also of one without columns, which deltalake refuses."""
    log = DeltaLog(place)
    if not log.exists:
        return None
    try:
        snapshot = log.snapshot()
    except (ValueError, KeyError, OSError) as error:
        raise _unreadable(place, error) from error
    return DeltaState(
        snapshot.version,
        snapshot.fields,
        snapshot.partitions,
        dict(snapshot.configuration),
        snapshot.metadata.get("description") or "",
        str(snapshot.metadata["id"]),
    )


def _unreadable(place: Path | str, error: Exception) -> ApiError:
    message = f"The Delta log at {place} cannot be read: {in_one_line(error)}"
    return ApiError(400, "INVALID_STATE", message)


def in_one_line(error: Exception) -> str:
    r"""What `deltalake` says, without the colours and arrows of a terminal.

    Example:
        >>> in_one_line(OSError("Kernel error\n  \x1b[31m↳\x1b[0m no such host\n"))
        'Kernel error: no such host'
    """
    parts = [" ".join(part.split()) for part in _COLOURS.sub("", str(error)).split("↳")]
    if _NO_CREDENTIALS in parts:
        return (
            "there are no credentials for the storage: start the workspace with AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY in its environment"
        )
    # The first says what was done, the last one why it failed.
    return ": ".join(dict.fromkeys((parts[0], parts[-1])))


def _mark(place: Path, version: int) -> tuple[int, int] | None:
    """What is another one once there is a version after this one, or another table in its place."""
    log = place / LOG
    if (log / f"{version + 1:020}.json").exists():
        return None
    try:
        status = (log / f"{version:020}.json").stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
