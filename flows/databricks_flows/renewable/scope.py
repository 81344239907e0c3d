"""Where one run has its tables and its staged files, and the tasks that begin and end the staging."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from databricks_blocks.database.connection import open_transaction
from databricks_blocks.database.transaction import DatabaseTransaction
from databricks_blocks.staging.area import StagingArea, open_staging
from prefect import task

from databricks_flows.renewable.staged_note import STAGED_NOTE, Asked, StagedNote
from databricks_flows.shared.patience import patient
from databricks_flows.shared.retries import STEP_OPTIONS
from databricks_flows.shared.slots import slot

BEGUN = "begun"
"""Name of the file whose time says when staging began."""


@dataclass(frozen=True)
class RunScope:
    """The tables and files that belong to one flow run.

    Attributes:
        database: Name of the database block.
        schema: Schema of the run's tables; in databases other than PostgreSQL, a prefix of their names.
        bucket: Name of the block of the storage.
        prefix: Prefix of the files that the run stages.
        limit: Name of a global concurrency limit of Prefect, empty for none. Each transaction takes a slot.
        staging_uri: URI of the prefix; known after `prepare_run`.
    """

    database: str
    schema: str
    bucket: str
    prefix: str
    limit: str = ""
    staging_uri: str = ""

    @property
    def staging(self) -> StagingArea:
        """The files of the run."""
        return open_staging(self.bucket, self.prefix)

    @contextmanager
    def transaction(self) -> Iterator[DatabaseTransaction]:
        """Open one transaction on the tables of the run."""
        with (
            slot(self.limit),
            open_transaction(self.database, self.schema) as transaction,
        ):
            yield transaction

    def uri(self, folder: str) -> str:
        """URI of a folder of the run."""
        return f"{self.staging_uri}/{folder}"


@dataclass(frozen=True)
class Prepared:
    """A run that can begin, or go on.

    Attributes:
        scope: The scope, with the URI of its files.
        staged_since: When the run began to stage the files, by the clock of the storage.
        note: What an attempt before this one has staged; `None`: the run begins.
    """

    scope: RunScope
    staged_since: datetime
    note: StagedNote | None


@task(name="prepare_run", **STEP_OPTIONS)
@patient
def prepare_run(scope: RunScope, asked: Asked) -> Prepared:
    """Find what an attempt before this one has staged, or make room for the tables and files of the run.

    Without a note that serves, what is there is removed. The results that Databricks made of it are not used
    either, since they are older than the files.

    Args:
        scope: The tables and files of the run.
        asked: What this attempt is asked for.
    """
    staging = scope.staging
    there = staging.names()
    note = read_note(staging) if STAGED_NOTE in there else None
    scope = replace(scope, staging_uri=staging.uri())
    if note is not None and note.serves(asked, there):
        return Prepared(scope, note.staged_since, note)
    if there:
        staging.delete()
    with scope.transaction() as transaction:
        transaction.begin_run()
    staging.upload(BEGUN, lambda stream: stream.write(b"staged here\n"))
    return Prepared(scope, staging.written_at(BEGUN), None)


def read_note(staging: StagingArea) -> StagedNote | None:
    """Read the note on what is staged; `None` if it cannot be used."""
    with staging.open(STAGED_NOTE) as stream:
        return StagedNote.from_json(stream.read())


def write_note(staging: StagingArea, note: StagedNote) -> None:
    """Write the note on what is staged, or replace it."""
    text = note.as_json()
    staging.upload(STAGED_NOTE, lambda stream: stream.write(text))


@task(name="note_staged", **STEP_OPTIONS)
@patient
def note_staged(scope: RunScope, note: StagedNote) -> None:
    """Note that all is staged. From now on, a retry goes on from here."""
    write_note(scope.staging, note)
