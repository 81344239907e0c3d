"""A table says which features of Delta it needs, so that no other writer breaks them."""

import pytest
from databricks_local.runtime.tables.delta.commits import PROTOCOL, new_metadata
from databricks_local.runtime.tables.delta.log import Action
from databricks_local.runtime.tables.doing.definitions import Definition, field_of, mapped, stronger
from databricks_local.runtime.tables.reading.create import read_columns

MAPPED = {"delta.columnMapping.mode": "name"}
NTZ = {
    "minReaderVersion": 3,
    "minWriterVersion": 7,
    "readerFeatures": ["timestampNtz"],
    "writerFeatures": ["appendOnly", "invariants", "timestampNtz"],
}


def definition(columns: str, properties: dict[str, str] | None = None) -> Definition:
    return Definition([field_of(column) for column in read_columns(columns)], (), properties or {})


def versions(reader: int, writer: int) -> Action:
    return {"minReaderVersion": reader, "minWriterVersion": writer}


@pytest.mark.parametrize(
    ("columns", "properties", "protocol"),
    [
        ("a INT", {}, PROTOCOL),
        ("a INT", {"delta.constraints.c": "a > 0"}, versions(1, 3)),
        ("a INT, b INT GENERATED ALWAYS AS (a + 1)", {}, versions(1, 4)),
        ("a INT", MAPPED, versions(2, 5)),
        ("a BIGINT GENERATED ALWAYS AS IDENTITY", {}, versions(1, 6)),
        ("a BIGINT GENERATED ALWAYS AS IDENTITY", MAPPED, versions(2, 6)),
        ("a TIMESTAMP_NTZ", {}, NTZ),
        ("a ARRAY<STRUCT<b: MAP<STRING, TIMESTAMP_NTZ>>>", {}, NTZ),
        (
            "a INT DEFAULT 1",
            {},
            {**versions(1, 7), "writerFeatures": ["allowColumnDefaults", "appendOnly", "invariants"]},
        ),
    ],
)
def test_the_protocol_that_a_table_needs(columns: str, properties: dict[str, str], protocol: Action) -> None:
    assert definition(columns, properties).protocol == protocol


@pytest.mark.parametrize(
    ("before", "columns", "properties", "after"),
    [
        (PROTOCOL, "a INT", {}, None),
        (versions(1, 3), "a INT", MAPPED, versions(2, 5)),
        (versions(2, 5), "a INT", {}, None),
        (NTZ, "a INT", {}, None),
        (
            NTZ,
            "a INT",
            MAPPED,
            {
                **versions(3, 7),
                "readerFeatures": ["columnMapping", "timestampNtz"],
                "writerFeatures": ["appendOnly", "columnMapping", "invariants", "timestampNtz"],
            },
        ),
    ],
)
def test_a_table_keeps_what_it_has(
    before: Action, columns: str, properties: dict[str, str], after: Action | None
) -> None:
    fields = definition(columns).fields
    assert stronger(before, new_metadata(fields, (), properties)) == after


def test_a_new_column_never_has_the_name_in_files_of_an_old_one() -> None:
    fields, properties = mapped(definition("a INT, b INT").fields, MAPPED)
    physical = "delta.columnMapping.physicalName"
    assert [field["metadata"][physical] for field in fields] == ["a", "b"]
    again, _ = mapped([fields[0], *definition("b INT").fields], properties)
    assert again[1]["metadata"][physical] not in ("a", "b")
    assert again[1]["metadata"]["delta.columnMapping.id"] == 3
