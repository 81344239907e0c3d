"""Arrow tables under another schema, for what pyarrow has no arrays or no names of."""

from typing import Any


class _Batch:
    """A record batch under another schema, by Arrow's interface between libraries."""

    def __init__(self, batch: Any, schema: Any) -> None:
        self._batch = batch
        self._schema = schema

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        return self._schema.__arrow_c_schema__(), self._batch.__arrow_c_array__()[1]


def under_schema(table: Any, schema: Any) -> Any:
    """The same memory under a schema whose types have the same form."""
    import pyarrow as pa

    batches = [pa.record_batch(_Batch(batch, schema)) for batch in table.to_batches()]
    return pa.Table.from_batches(batches, schema)
