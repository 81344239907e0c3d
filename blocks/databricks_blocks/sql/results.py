"""The result of a SQL statement: its rows are streamed, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from databricks_blocks.errors import DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.sql.arrow_types import arrow_schema
from databricks_blocks.sql.chunks import fetched_batches
from databricks_blocks.sql.errors import ResultUnavailable
from databricks_blocks.sql.statement import Period
from databricks_blocks.sql.statements_api import result_chunk

if TYPE_CHECKING:
    import pandas
    import pyarrow
    from databricks.sdk import WorkspaceClient

_COUNT = "num_"
"""How the columns of counts begin."""
_WHOLE = ("BIGINT", "LONG", "INT")


def holds_counts(manifest: Mapping[str, Any]) -> bool:
    """Whether a result says what a statement did, such as `num_affected_rows`."""
    columns = (manifest.get("schema") or {}).get("columns") or ()
    return bool(columns) and all(
        str(column.get("name")).startswith(_COUNT) and str(column.get("type_text")).upper() in _WHOLE
        for column in columns
    )


@dataclass
class SqlResult:
    """The result of a SQL statement.

    The rows stay in the workspace, which keeps them for an hour. They are streamed when they are asked for,
    as often as that happens.

    Attributes:
        statement_id: Id of the statement.
        url: Its page in the workspace.
        manifest: Columns and size of the result, as the API has them.
        affected: What the statement did, such as `num_affected_rows`; empty for one that only reads.
        has_rows: Whether the rows are kept. Those of a statement that an earlier attempt of the flow executed
            may not be any more.
        executed_before: From when to when earlier attempts executed the same statement, where their result is
            not known; `None`: there is none.

    Examples:
        >>> import asyncio
        >>> from databricks_flows import databricks_sql
        >>> result = asyncio.run(databricks_sql("SELECT id FROM range(3)"))
        >>> result.row_count, sum(batch.num_rows for batch in result.batches()), result.schema.names
        (3, 3, ['id'])
    """

    statement_id: str
    url: str
    manifest: Mapping[str, Any] = field(repr=False)
    affected: dict[str, int] = field(default_factory=dict)
    has_rows: bool = True
    executed_before: Period | None = None
    _inline: Sequence[Sequence[str | None]] | None = field(default=None, repr=False)
    _connect: Callable[[], WorkspaceClient] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the login out: what is pickled may become a file."""
        return {**vars(self), "_connect": None}

    @property
    def schema(self) -> pyarrow.Schema:
        """The columns."""
        return arrow_schema(self._columns)

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return int(self.manifest.get("total_row_count") or 0)

    def batches(self) -> pyarrow.RecordBatchReader:
        """Stream the rows.

        Raises:
            ResultUnavailable: The rows are not kept any more.
            DatabricksUnreachable: The storage with the rows did not answer for too long.
        """
        import pyarrow as pa

        batches = self._fetched()
        first = next(batches, None)
        if first is None:
            return pa.RecordBatchReader.from_batches(self.schema, [])
        return pa.RecordBatchReader.from_batches(first.schema, _chained(first, batches))

    def to_arrow(self) -> pyarrow.Table:
        """Read all rows into memory."""
        return self.batches().read_all()

    def to_pandas(self, limit: int | None = None) -> pandas.DataFrame:
        """Read rows into a data frame.

        Args:
            limit: How many at most; `None`: all.
        """
        import pyarrow as pa

        reader = self.batches()
        frame: pandas.DataFrame = pa.Table.from_batches(_limited(reader, limit), reader.schema).to_pandas()
        return frame

    def rows(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Read rows as Python values, by the names of their columns.

        Args:
            limit: How many at most; `None`: all.

        Raises:
            ResultUnavailable: The rows are not kept any more, or two columns have the same name.
        """
        names = [str(column.get("name")) for column in self._columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise self._unavailable(
                f"two columns are named `{twice[0]}`. Give them names of their own by AS, or take to_arrow()"
            )
        return [row for batch in _limited(self.batches(), limit) for row in batch.to_pylist()]

    @property
    def _columns(self) -> list[Mapping[str, Any]]:
        return list((self.manifest.get("schema") or {}).get("columns") or ())

    def _fetched(self) -> Iterator[pyarrow.RecordBatch]:
        if not self.has_rows:
            raise self._unavailable("they are not kept any more")
        if self._inline is not None:
            yield _batch_of(self.schema, self._inline)
            return
        if self._connect is None:
            raise self._unavailable(
                "only the process that ran the statement can read them: read there what others need"
            )
        client, rows = self._connect(), 0
        try:
            for index in range(int(self.manifest.get("total_chunk_count") or 0)):
                for batch in fetched_batches(partial(self._link, client, index)):
                    rows += batch.num_rows
                    yield batch
        except DatabricksRunRefused as refused:
            raise self._unavailable(refused.message) from refused
        except DatabricksUnreachable as away:
            raise DatabricksUnreachable(self._why(away.message)) from away
        if rows != self.row_count:
            raise self._unavailable(f"{rows} of its {self.row_count} rows came")

    def _link(self, client: WorkspaceClient, index: int) -> str:
        for link in result_chunk(client, self.statement_id, index)["external_links"] or ():
            if link.get("chunk_index", index) == index:
                return str(link["external_link"])
        raise DatabricksUnreachable(f"{client.config.host} gave no link to chunk {index}")

    def _why(self, why: str) -> str:
        return f"The rows of statement {self.statement_id} cannot be read: {why.rstrip('.')}. {self.url}"

    def _unavailable(self, why: str) -> ResultUnavailable:
        return ResultUnavailable(
            self._why(why),
            statement_id=self.statement_id,
            url=self.url,
        )


def _batch_of(schema: pyarrow.Schema, rows: Sequence[Sequence[str | None]]) -> pyarrow.RecordBatch:
    """Rows as the API has them inline: texts."""
    import pyarrow as pa

    columns = [
        pa.array([row[place] for row in rows], pa.string()).cast(column.type)
        for place, column in enumerate(schema)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _chained(
    first: pyarrow.RecordBatch, others: Iterator[pyarrow.RecordBatch]
) -> Iterator[pyarrow.RecordBatch]:
    yield first
    yield from others


def _limited(batches: pyarrow.RecordBatchReader, limit: int | None) -> Iterator[pyarrow.RecordBatch]:
    left = limit
    while left is None or left > 0:
        batch = next(batches, None)
        if batch is None:
            return
        yield batch if left is None else batch.slice(0, left)
        left = None if left is None else left - batch.num_rows
