"""What a Delta table is to be: columns, partitions, properties, and the features of Delta that they need."""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from databricks_local.runtime.tables.delta.commits import new_metadata
from databricks_local.runtime.tables.delta.log import Action
from databricks_local.runtime.tables.delta.schema import Field, field_in, fields_of, find
from databricks_local.runtime.tables.doing.columns import (
    DEFAULT,
    GENERATED,
    IDENTITY_EXPLICIT,
    IDENTITY_START,
    IDENTITY_STEP,
)
from databricks_local.runtime.tables.doing.features import MAPPING_MODE, protocol_for
from databricks_local.runtime.tables.errors import analysis_error
from databricks_local.runtime.tables.reading.create import Column
from databricks_local.runtime.tables.reading.tokens import quoted_name

KEPT = ("delta.enableChangeDataFeed", "delta.enableDeletionVectors", "delta.enableRowTracking")
"""Properties that the engine does not know how to write. They are shown, and do nothing."""

MAX_COLUMN_ID = "delta.columnMapping.maxColumnId"
COLUMN_ID, PHYSICAL_NAME = "delta.columnMapping.id", "delta.columnMapping.physicalName"
_BAD_NAME = re.compile(r"[ ,;{}()\n\t=]")


@dataclass(frozen=True)
class Definition:
    """What a Delta table is to be.

    Attributes:
        fields: Its columns.
        partitions: The columns by which it is partitioned.
        properties: Its properties.
        comment: What it is told to be.
        location: Where its files are; empty for a managed table.
    """

    fields: Sequence[Field]
    partitions: Sequence[str] = ()
    properties: Mapping[str, str] = ()  # type: ignore[assignment]
    comment: str | None = None
    location: str = ""

    @property
    def kept(self) -> dict[str, str]:
        """The properties that the catalog keeps, and the log does not have."""
        return {name: value for name, value in dict(self.properties).items() if name in KEPT}

    @property
    def metadata(self) -> Action:
        """As the log has it."""
        names = [field["name"] for field in self.fields]
        for name in self.partitions:
            if find(self.fields, name) is None:
                raise analysis_error(
                    "COLUMN_NOT_DEFINED_IN_TABLE",
                    f"partition column {quoted_name(name)} is not defined in the table; defined are "
                    f"{', '.join(names)}.",
                )
        fields, configuration = mapped(
            self.fields, {name: value for name, value in dict(self.properties).items() if name not in KEPT}
        )
        partitions = [str((find(self.fields, name) or {})["name"]) for name in self.partitions]
        return new_metadata(fields, partitions, configuration, self.comment)

    @property
    def protocol(self) -> Action:
        """The features of Delta that it needs."""
        return protocol_for(dict(self.properties), self.fields)


def stronger(before: Action, metadata: Action) -> Action | None:
    """The features that a table needs from now on; None if it has them.

    Args:
        before: Those that it has.
        metadata: What it becomes.
    """
    fields = json.loads(metadata["schemaString"])["fields"]
    needed = protocol_for(metadata["configuration"], fields, before)
    return None if needed == before else needed


def mapped(fields: Sequence[Field], properties: Mapping[str, str]) -> tuple[list[Field], dict[str, str]]:
    """Fields with ids and names of their own in files, if the properties ask for it."""
    if properties.get(MAPPING_MODE, "none") == "none":
        return list(fields), dict(properties)
    taken = [int(field["metadata"].get(COLUMN_ID, 0)) for field in fields]
    number = max([int(properties.get(MAX_COLUMN_ID, 0)), *taken])
    is_mapped = number > 0
    new: list[Field] = []
    for field in fields:
        metadata = field["metadata"]
        if COLUMN_ID not in metadata:
            number += 1
            # Files may have its name already: for a column that was dropped, or has another name now.
            physical = f"col-{uuid.uuid4()}" if is_mapped else field["name"]
            metadata = {**metadata, COLUMN_ID: number, PHYSICAL_NAME: physical}
        new.append({**field, "metadata": metadata})
    return new, {**properties, MAX_COLUMN_ID: str(number)}


def fields_of_rows(schema: Any) -> list[Field]:
    """The columns of a table that is made of rows: only what people said about them stays."""
    fields = fields_of(schema)
    for field in fields:
        if field["type"] == "void":
            raise analysis_error(
                "DELTA_UNSUPPORTED_DATA_TYPES",
                f"The column {quoted_name(field['name'])} has no type. Use CAST(NULL AS …).",
            )
    names = [field["name"].lower() for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise analysis_error("COLUMN_ALREADY_EXISTS", f"The column {quoted_name(name)} already exists.")
    return [
        {**field, "metadata": {k: v for k, v in field["metadata"].items() if k == "comment"}}
        for field in fields
    ]


def field_of(column: Column) -> Field:
    """The field of a column that is written in SQL."""
    if not column.type_ddl:
        raise analysis_error(
            "DELTA_COLUMN_WITHOUT_TYPE", f"The column {quoted_name(column.name)} needs a type."
        )
    field = field_in(column.name, column.type_ddl)
    metadata = dict(field["metadata"])
    if column.comment is not None:
        metadata["comment"] = column.comment
    if column.default:
        metadata[DEFAULT] = metadata["EXISTS_DEFAULT"] = column.default
    if column.generated:
        metadata[GENERATED] = column.generated
    if column.identity is not None:
        if field["type"] != "long":
            raise analysis_error(
                "DELTA_IDENTITY_COLUMNS_UNSUPPORTED_DATA_TYPE",
                f"Identity column {quoted_name(column.name)} has to be BIGINT.",
            )
        metadata[IDENTITY_START] = column.identity.start
        metadata[IDENTITY_STEP] = column.identity.step
        metadata[IDENTITY_EXPLICIT] = not column.identity.always
    return {**field, "nullable": column.nullable, "metadata": metadata}


def require_names(definition: Definition) -> None:
    """Refuse names of columns that Parquet files cannot have."""
    if dict(definition.properties).get(MAPPING_MODE, "none") != "none":
        return
    bad = [str(field["name"]) for field in definition.fields if _BAD_NAME.search(field["name"])]
    if bad:
        raise analysis_error(
            "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES",
            f"Found invalid character(s) among ' ,;{{}}()\\n\\t=' in the column names of your schema. "
            "Invalid column "
            f"names: {', '.join(bad)}. Use other characters or enable column mapping: TBLPROPERTIES "
            f"('{MAPPING_MODE}' = 'name').",
        )
