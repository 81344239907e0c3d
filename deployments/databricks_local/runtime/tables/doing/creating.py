"""CREATE TABLE in all its forms, and what `saveAsTable` makes."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.delta.commits import (
    commit_info,
    remove_action,
    require_removable,
    write_commit,
    writing,
)
from databricks_local.runtime.tables.delta.log import Action, DeltaLog, Snapshot
from databricks_local.runtime.tables.delta.schema import Field
from databricks_local.runtime.tables.doing.definitions import (
    Definition,
    field_of,
    fields_of_rows,
    require_names,
    stronger,
)
from databricks_local.runtime.tables.doing.features import CONSTRAINT
from databricks_local.runtime.tables.doing.other_formats import create_of_other_format
from databricks_local.runtime.tables.doing.registering import (
    once_more_if_made_meanwhile,
    register,
    tell_comment,
)
from databricks_local.runtime.tables.doing.writing import Change, Writer, all_removed
from databricks_local.runtime.tables.engine import answer, nothing
from databricks_local.runtime.tables.errors import analysis_error, conflict, table_exists
from databricks_local.runtime.tables.reading.create import CreateTable, read_create_table
from databricks_local.runtime.tables.reading.cursor import Cursor
from databricks_local.runtime.tables.sources import Sources
from databricks_local.runtime.tables.statements import Statement


def create_table(statement: Statement, cursor: Cursor) -> Any:
    """Serve CREATE TABLE."""
    asked = read_create_table(cursor)
    if asked is None:
        return None
    return once_more_if_made_meanwhile(lambda: _create(statement, asked))


def _create(statement: Statement, asked: CreateTable) -> Any:
    if asked.using not in ("", "delta"):
        return create_of_other_format(statement, asked)
    creator = Creator(statement)
    if asked.like:
        return creator.like(asked)
    return creator.with_query(asked) if asked.query else creator.without_rows(asked)


@dataclass(frozen=True)
class Creator:
    """Makes Delta tables."""

    statement: Statement

    @property
    def _catalog(self) -> Any:
        return self.statement.catalog

    def without_rows(self, asked: CreateTable) -> Any:
        """Make a table of columns that are given, or one for files that are there."""
        definition = self._definition(asked, [field_of(column) for column in asked.columns])
        entry = self.entry(asked.name, asked.location)
        known = self.known(entry)
        if known is not None and not asked.replace:
            if asked.if_not_exists:
                return nothing()
            raise table_exists(entry.names)
        if entry.path is None and known is None:
            # The catalog reaches it, and writes its first commit.
            self._known_from_now(None, entry, definition, adopted=True)
            return nothing()
        table = entry.on_disk("CREATE TABLE")
        if known is None and DeltaLog(table).exists and not (asked.replace and asked.columns):
            self._adopt(entry, definition, table)
        elif asked.replace:
            self._replace_by_nothing(known or entry, definition, known)
        else:
            require_names(definition)
            self._refuse_full(entry, definition)
            self._begin(entry, definition)
        return nothing()

    def with_query(self, asked: CreateTable) -> Any:
        """Make a table of the rows of a query."""
        entry = self.entry(asked.name, asked.location)
        known = self.known(entry)
        if known is not None and not asked.replace:
            if asked.if_not_exists:
                return _no_counts()
            raise table_exists(entry.names)
        if asked.columns:
            raise analysis_error(
                "SPECIFY_COLUMNS_IN_CTAS",
                "Schema may not be specified in a Create Table As Select (CTAS) statement.",
            )
        statement = self.statement
        text = Sources(statement.engine, statement.catalog).in_query(asked.query, statement.relation)
        frame = statement.engine.frame(text, statement.relation)
        operation = "CREATE OR REPLACE TABLE AS SELECT" if asked.replace else "CREATE TABLE AS SELECT"
        definition = self._definition(asked, fields_of_rows(frame.schema))
        self.with_rows(known, entry, definition, frame, operation, replaces=asked.replace)
        return _no_counts()

    def with_rows(
        self,
        known: Entry | None,
        entry: Entry,
        definition: Definition,
        frame: Any,
        operation: str,
        notes: Sequence[Action] = (),
        *,
        replaces: bool = False,
    ) -> int:
        """Make a table of rows, or replace one; gives the number of rows.

        Args:
            known: The table that is there.
            entry: The table as it will be.
            definition: What it will be.
            frame: The rows.
            operation: The operation, as the history shows it.
            notes: Further actions of the commit.
            replaces: Whether it may take the place of files that no table of the catalog has, as those of an
                external table that was dropped.
        """
        require_names(definition)
        place = known or entry
        table = place.on_disk(operation)
        fresh = known is None and not (replaces and DeltaLog(table).exists)
        if fresh:
            self._refuse_full(entry, definition)
        parameters = _parameters(definition, managed=not definition.location)
        change = Change(operation, parameters, by_name=True, removed=all_removed, notes=notes)
        names = [field["name"] for field in definition.fields]
        rows = frame.toDF(*names)
        was_there = table.exists()
        try:
            written = Writer(self.statement.engine).replace(
                place, rows, definition.metadata, change, fresh=fresh
            )
        except BaseException:
            # Another session may have made a table in the same place meanwhile.
            if fresh and not DeltaLog(table).exists:
                shutil.rmtree(DeltaLog(table).directory if was_there else table, ignore_errors=True)
            raise
        self._known_from_now(known, entry, definition, adopted=not fresh)
        return written.rows

    def _refuse_full(self, entry: Entry, definition: Definition) -> None:
        """Refuse a place with files of somebody else."""
        table = entry.path
        is_named = len(entry.names) != len(("format", "path"))
        if is_named and table is not None and table.is_dir() and any(table.iterdir()):
            what = (
                "has a Delta table: use CREATE OR REPLACE TABLE, or leave the query away"
                if DeltaLog(table).exists
                else "is not empty and also not a Delta table"
            )
            raise analysis_error(
                "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION",
                f"Cannot create table ('{entry.shown}'). The associated location "
                f"('{definition.location}') {what}.",
            )

    def like(self, asked: CreateTable) -> Any:
        """Make a table like another one, without rows."""
        source = self._catalog.require_table(asked.like, "CREATE TABLE LIKE")
        snapshot = DeltaLog(source.on_disk("CREATE TABLE LIKE")).snapshot()
        entry = self.entry(asked.name, asked.location)
        if self.known(entry) is not None:
            if asked.if_not_exists:
                return nothing()
            raise table_exists(entry.names)
        properties = {**snapshot.configuration, **asked.properties}
        comment = asked.comment or snapshot.metadata.get("description")
        self._begin(
            entry, Definition(snapshot.fields, snapshot.partitions, properties, comment, asked.location)
        )
        return nothing()

    def entry(self, name: tuple[str, ...], location: str) -> Entry:
        """A table that is to be made, where its files will be."""
        catalog = self._catalog
        if catalog.find(name) is not None and catalog.find(name).by_path:
            return catalog.find(name)  # type: ignore[no-any-return]
        names = catalog.full(name)
        place = location or self._known_location(names) or catalog.client.staging_location(names)
        return catalog.placed(names, place)  # type: ignore[no-any-return]

    def known(self, entry: Entry) -> Entry | None:
        """The table that is there already."""
        if entry.names[0] == "delta" and len(entry.names) == len(("format", "path")):
            return entry if entry.path is not None and DeltaLog(entry.path).exists else None
        found = self._catalog.find(entry.names)
        if found is not None and found.is_view:
            raise table_exists(entry.names)
        return found  # type: ignore[no-any-return]

    def _known_location(self, names: tuple[str, ...]) -> str:
        self._catalog.require_schema(names[:2])
        record = self._catalog.client.find("tables", names)
        return str((record or {}).get("storage_location", ""))

    def _definition(self, asked: CreateTable, fields: Sequence[Field]) -> Definition:
        properties = dict(asked.properties)
        for name, expression in asked.checks:
            properties[CONSTRAINT + name] = expression
        return Definition(fields, asked.partitions, properties, asked.comment, asked.location)

    def _begin(self, entry: Entry, definition: Definition) -> None:
        table = entry.on_disk("CREATE TABLE")
        info = commit_info("CREATE TABLE", _parameters(definition, managed=not definition.location))
        actions = [info, {"protocol": definition.protocol}, {"metaData": definition.metadata}]
        try:
            write_commit(table, 0, actions)
        except FileExistsError as error:
            raise table_exists(entry.names) from error
        self._known_from_now(None, entry, definition)

    def _adopt(self, entry: Entry, definition: Definition, table: Any) -> None:
        """Make files that are there known as a table."""
        snapshot = DeltaLog(table).snapshot()
        given = [(field["name"].lower(), field["type"]) for field in definition.fields]
        if given and given != [(field["name"].lower(), field["type"]) for field in snapshot.fields]:
            raise analysis_error(
                "DELTA_CREATE_TABLE_SCHEME_MISMATCH",
                f"The specified schema does not match the existing schema at {definition.location}.",
            )
        found = Definition(snapshot.fields, snapshot.partitions, {}, definition.comment, definition.location)
        self._known_from_now(None, entry, found, adopted=True)

    def _replace_by_nothing(self, place: Entry, definition: Definition, known: Entry | None) -> None:
        require_names(definition)
        table = place.on_disk("CREATE OR REPLACE TABLE")
        with writing(table):
            log = DeltaLog(table)
            before = log.snapshot() if log.exists else Snapshot(-1)
            metadata = {**definition.metadata, **({"id": before.metadata["id"]} if before.metadata else {})}
            info = commit_info(
                "CREATE OR REPLACE TABLE", _parameters(definition, managed=not definition.location)
            )
            moment = info["commitInfo"]["timestamp"]
            removes = [remove_action(add, moment) for add in before.files.values()]
            if removes:
                require_removable(before)
            needed = stronger(before.protocol, metadata)
            protocol = [{"protocol": needed}] if needed else []
            try:
                write_commit(table, before.version + 1, [info, *protocol, {"metaData": metadata}, *removes])
            except FileExistsError as error:
                raise conflict("MetadataChangedException", place.shown) from error
        self._known_from_now(known, place, definition, adopted=before.version >= 0)

    def _known_from_now(
        self, known: Entry | None, entry: Entry, definition: Definition, *, adopted: bool = False
    ) -> None:
        if len(entry.names) == len(("format", "path")):
            return
        if known is None:
            register(self._catalog, entry, definition, adopted=adopted)
        else:
            tell_comment(self._catalog, entry, definition)


def _parameters(definition: Definition, *, managed: bool) -> dict[str, Any]:
    return {
        "isManaged": managed,
        "description": definition.comment or "",
        "partitionBy": list(definition.partitions),
        "properties": dict(definition.properties),
    }


def _no_counts() -> Any:
    return answer([("num_affected_rows", "long"), ("num_inserted_rows", "long")])
