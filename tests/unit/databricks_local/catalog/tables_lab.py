"""A workspace's tables, and servers that are killed in the middle of what they do."""

import asyncio
from pathlib import Path

import pyarrow as pa
from databricks_local.catalog.delta_log import DeltaLogs, NewTable
from databricks_local.catalog.locations import Locations
from databricks_local.catalog.records import MANAGED, TableRequest
from databricks_local.catalog.tables import Tables
from databricks_local.storage.documents import Documents
from deltalake import write_deltalake

COLUMNS = ({"name": "id", "type_text": "int"},)
PLACES = [("main", "default", "t"), ("hive_metastore", "default", "t"), ("hive_metastore", "sales", "t")]


class Killed(BaseException):
    """The server is killed at this moment."""


class KilledLogs(DeltaLogs):
    """The server is killed after the first commit is written."""

    def create(self, place: Path | str, table: NewTable) -> None:
        super().create(place, table)
        raise Killed


class Rig:
    """A workspace's tables; `opened` is a server that starts on what is there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("dbfs", "volumes", "files", "tables"):
            (root / name).mkdir(parents=True)
        self.documents = Documents(root / "objects.sqlite")

    def opened(self, logs: DeltaLogs | None = None) -> Tables:
        tables = Tables(self.documents, Locations(self.root), logs or DeltaLogs({}), lambda: 1, "me")
        tables.remove_leftovers()
        return tables

    def logs(self) -> list[Path]:
        return sorted(self.root.rglob("_delta_log"))


def made(rig: Rig, names: tuple[str, ...] = ("main", "default", "t")) -> Path:
    """A managed table with two rows; where it is."""
    table = asyncio.run(rig.opened().create(TableRequest(names, MANAGED, columns=COLUMNS)))
    place = Path(
        table.record["storage_location"].replace("dbfs:", f"{rig.root}/dbfs").removeprefix("file://")
    )
    write_deltalake(place, pa.table({"id": pa.array([1, 2], pa.int32())}), mode="append")
    return place
