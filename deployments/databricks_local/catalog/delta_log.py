"""What a Delta table's log says, and its first commit, by `deltalake`.

The log is the truth about the columns of a table.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.runtime.tables.delta.log import DeltaLog

LOG = "_delta_log"


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
        self._read: dict[str, tuple[tuple[int, int], DeltaState]] = {}
        self._reading = threading.Lock()

    def state(self, place: Path | str) -> DeltaState | None:
        """The newest state of a table; None if there is no Delta table. It reads files.

        Args:
            place: Its directory, or its URI elsewhere.
        """
        with self._reading:
            known = self._read.get(str(place))
        if known is not None and isinstance(place, Path) and _mark(place, known[1].version) == known[0]:
            return known[1]
        state = self._state(place)
        mark = _mark(place, state.version) if state is not None and isinstance(place, Path) else None
        with self._reading:
            self._read.pop(str(place), None)
            if state is not None and mark is not None:
                self._read[str(place)] = mark, state
        return state

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
            raise invalid_parameter(f"The Delta table cannot be made: {error}") from error

    def tell(self, place: Path | str, told: Json) -> bool:
        """Change what a table is told to be: its `comment`, and `properties` besides those that it has.

        Returns:
            Whether it is in the log: `deltalake` cannot write that of a table with identity or clustering.

        Raises:
            ApiError: If Delta refuses it.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import CommitFailedError, DeltaError

        try:
            opened = DeltaTable(place, storage_options=self._options(place))
            if "comment" in told:
                opened.alter.set_table_description(told["comment"])
            if told.get("properties"):
                opened.alter.set_table_properties(told["properties"], raise_if_not_exists=False)
        except CommitFailedError as error:
            state = self.state(place)
            if state is not None and state.version == opened.version():
                # Nobody else has written meanwhile.
                return False
            raise ApiError(409, "RESOURCE_CONFLICT", f"The table was changed meanwhile: {error}") from error
        except (DeltaError, ValueError, OSError) as error:
            raise invalid_parameter(f"The Delta table cannot be changed: {error}") from error
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
            raise ApiError(
                400, "INVALID_STATE", f"The Delta log at {place} cannot be read: {error}"
            ) from error
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
        raise ApiError(400, "INVALID_STATE", f"The Delta log at {place} cannot be read: {error}") from error
    return DeltaState(
        snapshot.version,
        snapshot.fields,
        snapshot.partitions,
        dict(snapshot.configuration),
        snapshot.metadata.get("description") or "",
        str(snapshot.metadata["id"]),
    )


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
