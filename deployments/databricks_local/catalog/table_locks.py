"""One change of a table at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from databricks_local.catalog.records import Names


class TableLocks:
    """The locks of the tables that are being changed at this moment, of which many need not be there yet."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, *tables: Names) -> AsyncIterator[None]:
        """Nobody else changes these tables meanwhile."""
        async with AsyncExitStack() as locks:
            for key in sorted({".".join(names) for names in tables}):
                await locks.enter_async_context(self._locks.setdefault(key, asyncio.Lock()))
            yield

    def held_below(self, *above: str) -> list[Names]:
        """The names of the tables of a schema or catalog that are being changed."""
        prefix = ".".join((*above, ""))
        return [tuple(key.split(".")) for key in list(self._locks) if key.startswith(prefix)]
