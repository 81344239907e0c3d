"""Tables in the plans of data frames: what `spark.table` names is found in the catalog of the workspace."""

from collections.abc import Mapping
from typing import Any

from databricks_local.runtime.tables.catalog.entries import Entry
from databricks_local.runtime.tables.catalog.session import SessionCatalog, is_path
from databricks_local.runtime.tables.engine import Engine
from databricks_local.runtime.tables.errors import syntax_error, table_not_found
from databricks_local.runtime.tables.listing import list_in_catalog
from databricks_local.runtime.tables.reading.cursor import StatementError, name_in
from databricks_local.runtime.tables.reading.tokens import quoted_text
from databricks_local.runtime.tables.sources import Sources, read_version, version_at

_OF_TIME = {"versionasof", "timestampasof"}


class PlanHook:
    """Changes plans before they are sent."""

    def __init__(self, engine: Engine, catalog: SessionCatalog) -> None:
        """Set up.

        Args:
            engine: Runs queries.
            catalog: Knows the names of the session.
        """
        self._engine = engine
        self._catalog = catalog
        self._sources = Sources(engine, catalog)

    def __call__(self, request: Any) -> None:
        """Change what a request names."""
        # Not by recursion: a plan may be thousands of steps deep.
        messages = [request]
        while messages:
            message = messages.pop()
            if message.DESCRIPTOR.name == "Relation" and self._change(message):
                continue
            for field, value in message.ListFields():
                if field.message_type is None or field.message_type.GetOptions().map_entry:
                    continue
                if field.message_type.name != "Expression":
                    messages.extend([value] if hasattr(value, "ListFields") else value)

    def _change(self, relation: Any) -> bool:
        kind = relation.WhichOneof("rel_type")
        if kind == "catalog":
            answered = list_in_catalog(relation.catalog, self._engine, self._catalog)
            if answered is not None:
                relation.local_relation.CopyFrom(answered.local_relation)
            return True
        if kind != "read":
            return False
        if relation.read.WhichOneof("read_type") == "named_table":
            try:
                self._read(relation)
            except StatementError as error:
                raise syntax_error(str(error)) from error
        elif relation.read.data_source.format.lower() in ("", "delta"):
            self._read_path(relation.read.data_source)
        return True

    def _read(self, relation: Any) -> None:
        named = relation.read.named_table
        streams = relation.read.is_streaming
        parts = name_in(named.unparsed_identifier)
        options = {name.lower(): value for name, value in named.options.items()}
        entry = self._catalog.find(parts)
        if entry is None:
            if "information_schema" in (part.lower() for part in parts[-2:-1]):
                relation.sql.query = self._sources.in_query(f"SELECT * FROM {named.unparsed_identifier}")  # noqa: S608
            elif len(parts) > 1 and not is_path(parts) and not self._catalog.is_temporary(parts):
                raise table_not_found(parts)
            return
        if entry.is_view:
            query = self._sources.view_query(entry)
            relation.subquery_alias.input.sql.query = query
        elif not entry.is_delta:
            relation.subquery_alias.input.sql.query = f"SELECT * FROM {self._sources.other_format(entry)}"  # noqa: S608
        else:
            uri, version = self._sources.place_at(entry, self._version(entry, options))
            relation.subquery_alias.input.read.is_streaming = streams
            source = relation.subquery_alias.input.read.data_source
            source.format = "delta"
            source.paths.append(uri)
            if version is not None:
                source.options["versionAsOf"] = str(version)
        relation.subquery_alias.alias = parts[-1]

    def _read_path(self, source: Any) -> None:
        """Find a Delta table by its path, at the version that the options ask for."""
        named = {name.lower(): name for name in source.options}
        if len(source.paths) == 1 and not _OF_TIME.isdisjoint(named):
            entry = self._catalog.at_path(source.paths[0])
            options = {name: source.options.pop(named[name]) for name in named.keys() & _OF_TIME}
            uri, version = self._sources.place_at(entry, self._version(entry, options))
            source.paths[:] = [uri]
            if version is not None:
                source.options["versionAsOf"] = str(version)
        else:
            source.paths[:] = [self._catalog.uri(path) for path in source.paths]

    def _version(self, entry: Entry, options: Mapping[str, str]) -> int | None:
        """The version that options ask for."""
        moment = options.get("timestampasof")
        if moment:
            value = self._engine.value(f"unix_millis(CAST({quoted_text(moment)} AS TIMESTAMP))")
            return version_at(entry, int(value), moment)
        version = options.get("versionasof")
        return None if version is None else read_version(entry, version)
