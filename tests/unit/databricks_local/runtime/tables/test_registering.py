"""A table becomes known once its files are there, and keeps them whatever the catalog answers."""

from pathlib import Path
from typing import Any

import pytest
from databricks_local.runtime.tables.catalog.client import CatalogError, NoAnswerError
from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.catalog.session import Place, Reach, SessionCatalog
from databricks_local.runtime.tables.delta.commits import PROTOCOL, new_metadata, write_commit
from databricks_local.runtime.tables.delta.log import DeltaLog
from databricks_local.runtime.tables.doing.definitions import Definition, field_of
from databricks_local.runtime.tables.doing.registering import once_more_if_made_meanwhile, register
from databricks_local.runtime.tables.errors import analysis_error, table_exists
from databricks_local.runtime.tables.reading.create import read_columns
from databricks_local.runtime.tables.saving import Save, Saver
from pyspark.errors import AnalysisException

FIELDS = [field_of(column) for column in read_columns("id INT")]
LOST = NoAnswerError("POST", ConnectionResetError())
TAKEN = CatalogError(409, "TABLE_ALREADY_EXISTS", "there")
GONE = NoAnswerError("GET", ConnectionRefusedError())


class Catalog:
    """Answers as it is told, and knows one table at most."""

    def __init__(
        self, answer: Exception | None, location: Path | None, look: Exception | None = None
    ) -> None:
        self._answer, self._location, self._look = answer, location, look

    def create(self, plural: str, body: dict[str, Any]) -> dict[str, Any]:
        if self._answer is not None:
            raise self._answer
        return body

    def find(self, plural: str, names: tuple[str, ...]) -> dict[str, Any] | None:
        if self._look is not None:
            raise self._look
        if self._location is None:
            return None
        catalog, schema, name = names
        return {"catalog_name": catalog, "schema_name": schema, "name": name, "table_type": "EXTERNAL",
                "storage_location": str(self._location)}  # fmt: skip


def asked(client: Catalog, place: Path) -> Entry:
    """A table at a place, in a catalog; its files are there."""
    write_commit(place, 0, [{"protocol": PROTOCOL}, {"metaData": new_metadata(FIELDS)}])
    session = SessionCatalog(client, Reach(str, str), Place("main"))  # type: ignore[arg-type]
    entry = session.placed(("main", "default", "t"), str(place))
    register(session, entry, Definition(FIELDS, location=str(place)))
    return entry


def test_an_answer_that_is_lost_loses_no_files(tmp_path: Path) -> None:
    asked(Catalog(LOST, tmp_path), tmp_path)
    assert DeltaLog(tmp_path).exists


@pytest.mark.parametrize(
    ("answer", "known_at", "look", "stays"),
    [
        (TAKEN, "another", None, False),
        (TAKEN, "mine", None, True),
        (LOST, None, None, False),
        (LOST, "another", None, False),
        (LOST, None, GONE, True),
    ],
)
def test_files_are_removed_that_nobody_knows(
    tmp_path: Path, answer: Exception, known_at: str | None, look: Exception | None, *, stays: bool
) -> None:
    location = None if known_at is None else tmp_path / known_at
    with pytest.raises((AnalysisException, CatalogError)):
        asked(Catalog(answer, location, look), tmp_path / "mine")
    assert DeltaLog(tmp_path / "mine").exists == stays


def test_a_statement_looks_again_when_a_table_was_made_meanwhile() -> None:
    looks: list[str] = []

    def run() -> str:
        looks.append("look")
        if len(looks) == 1:
            raise table_exists(("main", "default", "t"))
        return "there"

    assert once_more_if_made_meanwhile(run) == "there"


@pytest.mark.parametrize(
    ("condition", "times"), [("TABLE_OR_VIEW_ALREADY_EXISTS", 2), ("SCHEMA_NOT_FOUND", 1)]
)
def test_what_is_there_stays_an_error(condition: str, times: int) -> None:
    looks: list[str] = []

    def run() -> None:
        looks.append("look")
        raise analysis_error(condition, "no")

    with pytest.raises(AnalysisException, match=condition):
        once_more_if_made_meanwhile(run)
    assert len(looks) == times


class MadeMeanwhile(Catalog):
    """Does not know the table at the first look, as another session makes it just then."""

    def __init__(self, location: Path) -> None:
        super().__init__(None, location)
        self.looks = 0

    def find(self, plural: str, names: tuple[str, ...]) -> dict[str, Any] | None:
        if plural == "schemas":
            return {"name": names[-1]}
        self.looks += 1
        return None if self.looks == 1 else super().find(plural, names)


def test_a_table_that_is_made_between_look_and_save_is_found(tmp_path: Path) -> None:
    write_commit(tmp_path, 0, [{"protocol": PROTOCOL}, {"metaData": new_metadata(FIELDS)}])
    client = MadeMeanwhile(tmp_path)
    catalog = SessionCatalog(client, Reach(str, str), Place("main"))  # type: ignore[arg-type]
    asked = Save(("main", "default", "t"), "ignore", "", None, {}, (), {})
    Saver(None, catalog, asked).save()  # type: ignore[arg-type]
    assert client.looks > 1
