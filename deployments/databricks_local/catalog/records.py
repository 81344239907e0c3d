"""Tables and views as they are asked for, and as they are kept. Pure."""

import re
import uuid
from contextlib import suppress
from dataclasses import dataclass, field

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.catalog.columns import column_infos
from databricks_local.catalog.delta_log import LOG, DeltaState
from databricks_local.catalog.names import HIVE

DELTA, MANAGED, EXTERNAL, VIEW = "DELTA", "MANAGED", "EXTERNAL", "VIEW"
TOLD = ("comment", "properties")
"""What a Delta table's log says; records have it of what has no log, or where it is said besides."""

UNREADABLE: Json = {
    "table_type": EXTERNAL,
    "table_id": "",
    "data_source_format": "",
    "storage_location": "",
    "created_at": 0,
    "updated_at": 0,
    "comment": "The record of this table cannot be read. Its files are where they were.",
}
"""What stands for a record that is damaged, so that its table can be seen and dropped."""

Names = tuple[str, ...]


@dataclass(frozen=True)
class TableRequest:
    """A table or view to make.

    Attributes:
        names: The names of catalog, schema and table.
        table_type: MANAGED, EXTERNAL or VIEW.
        data_source_format: The format of its files.
        columns: Its columns, as the API takes them; of a Delta table that is there, those are taken.
        location: Where its files are, as it is kept; empty for the place of managed tables.
        comment: What it is told to be.
        properties: Its properties.
        view_definition: The query of a view.
    """

    names: Names
    table_type: str
    data_source_format: str = DELTA
    columns: tuple[Json, ...] = ()
    location: str = ""
    comment: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    view_definition: str = ""


@dataclass(frozen=True)
class Table:
    """A table as it is now.

    Attributes:
        names: The names of catalog, schema and table.
        record: What is kept of it.
        state: What its Delta log says; None for a view, and for other formats.
        problem: Why a Delta table has no state; empty if it has one.
    """

    names: Names
    record: Json
    state: DeltaState | None
    problem: str = ""

    @property
    def columns(self) -> list[Json]:
        """Its columns, as the API shows them."""
        if self.state is None:
            return list(self.record.get("columns", []))
        return column_infos(self.state.fields, self.state.partitions)

    @property
    def is_view(self) -> bool:
        """Whether it is a view."""
        return bool(self.record.get("table_type") == VIEW)

    def require_log(self) -> None:
        """Refuse what needs the log of a Delta table, if that cannot be read."""
        if self.problem:
            raise ApiError(400, "INVALID_STATE", self.problem)


def new_record(
    names: Names, request: TableRequest, table_id: str, managed_location: str, now: int, user: str
) -> Json:
    """What is kept of a new table or view.

    Args:
        names: Its names.
        request: What is asked for.
        table_id: A new id.
        managed_location: Where it is if it is a managed table.
        now: The time.
        user: Who owns it.

    Raises:
        ApiError: If a managed table is asked for as there are none.
    """
    record: Json = {
        "table_type": request.table_type,
        "table_id": table_id,
        "owner": user,
        "created_at": now,
        "created_by": user,
        "updated_at": now,
        "updated_by": user,
        "comment": request.comment,
        "properties": request.properties,
    }
    if request.table_type == VIEW:
        return {**record, "view_definition": request.view_definition, "columns": list(request.columns)}
    record["data_source_format"] = request.data_source_format
    record["storage_location"] = request.location or managed_location
    if request.table_type == MANAGED:
        _check_managed(names, request, managed_location)
    if request.table_type == MANAGED and request.location and names[0] != HIVE:
        record["table_id"] = request.location.rpartition("/")[2]
    return record


def _check_managed(names: Names, request: TableRequest, managed_location: str) -> None:
    if names[0] == HIVE:
        # Sail adds an id to the name of the table.
        staged = (
            re.fullmatch(f"{re.escape(managed_location)}(-[0-9a-f-]{{36}})?", request.location) is not None
        )
    elif request.data_source_format != DELTA:
        raise invalid_parameter(
            f"Managed tables are Delta tables; {'.'.join(names)} is {request.data_source_format}: "
            "give it a location, or make it in hive_metastore."
        )
    else:
        above, _, table_id = request.location.rpartition("/")
        staged = above == managed_location.rpartition("/")[0] and _is_id(table_id)
    if request.location and not staged:
        raise invalid_parameter(f"A managed table has no location of its own: {request.location[:1000]}")


def _is_id(text: str) -> bool:
    with suppress(ValueError):
        return str(uuid.UUID(text)) == text
    return False


def is_readable(record: Json) -> bool:
    """Whether a record was read: one that was not is empty."""
    return "table_type" in record


class MissingTableError(ApiError):
    """The refusal for a table that is not there."""

    def __init__(self, names: Names) -> None:
        """Set up.

        Args:
            names: Its names.
        """
        name = ".".join(names)[:1000]
        super().__init__(404, "TABLE_DOES_NOT_EXIST", f"Table '{name}' does not exist.")


def taken(names: Names) -> ApiError:
    """The refusal for a name that is taken."""
    return ApiError(400, "TABLE_ALREADY_EXISTS", f"Table '{'.'.join(names)[:1000]}' already exists")


def location_taken(location: str) -> ApiError:
    """The refusal for a managed table in whose place there is something (Spark's own words)."""
    return invalid_parameter(
        f"[LOCATION_ALREADY_EXISTS] Cannot name the managed table, as its associated location '{location}' "
        "already exists. Please pick a different table name, or remove the existing location first."
    )


def without_log(names: Names, location: str) -> ApiError:
    """The refusal for an external Delta table whose columns nobody says (Delta's own words)."""
    return invalid_parameter(
        "[DELTA_CREATE_EXTERNAL_TABLE_WITHOUT_TXN_LOG] You are trying to create an external table "
        f"{'.'.join(names)} from `{location}` using Delta, but there is no transaction log present at "
        f"`{location}/{LOG}`."
    )


def without_files(names: Names, location: str) -> str:
    """What is wrong with a Delta table whose log is gone (the first words are Delta's)."""
    quoted = ".".join(f"`{name}`" for name in names)
    return f"[DELTA_TABLE_NOT_FOUND] Delta table {quoted} doesn't exist: there is no log at {location}/{LOG}."


def check_same_columns(location: str, state: DeltaState, fields: list[Json]) -> None:
    """Refuse columns that are not those of the table that is there (the words are Delta's)."""
    if fields and [(each["name"], each["type"]) for each in fields] != [
        (each["name"], each["type"]) for each in state.fields
    ]:
        raise invalid_parameter(
            "[DELTA_CREATE_TABLE_SCHEME_MISMATCH] The specified schema does not match the existing schema at "
            f"{location}."
        )
