"""The SQL warehouses: a Spark server and a process each, from their start to their stop."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from anyio import CapacityLimiter

from databricks_local.api.bodies import Json
from databricks_local.execution.cluster import ClusterError
from databricks_local.execution.warehouses.warehouse import Warehouse
from databricks_local.sql.records import (
    GONE,
    WarehouseRecord,
    WarehouseState,
    name_taken,
    new_warehouse_id,
    warehouse_missing,
)
from databricks_local.sql.settings import STARTER, read_warehouse
from databricks_local.storage.documents import Documents

KIND = "warehouse"
_SEEDED = "warehouses-made"

_LOG = logging.getLogger("databricks_local")


class WarehouseStarter(Protocol):
    """Starts and ends warehouses."""

    async def start_warehouse(self, warehouse_id: str) -> Warehouse:
        """Start a warehouse."""

    async def stop_warehouse(self, warehouse: Warehouse) -> None:
        """End a warehouse."""


class WarehouseUnavailableError(Exception):
    """Raised when a statement needs a warehouse that does not start or is gone."""


class Warehouses:
    """The warehouses of a workspace. Used from the event loop only."""

    def __init__(
        self, starter: WarehouseStarter, documents: Documents, clock: Callable[[], int], user: str
    ) -> None:
        """Load them; a new workspace gets one.

        Args:
            starter: Starts and ends them.
            documents: Where they are kept.
            clock: Milliseconds since 1970.
            user: The one user.
        """
        self._starter = starter
        self._documents = documents
        self._clock = clock
        self._user = user
        self._uses: Counter[str] = Counter()
        self._running: dict[str, Warehouse] = {}
        self._slots: dict[str, CapacityLimiter] = {}
        self._work: dict[str, asyncio.Task[None]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.on_stop: Callable[[str], None] = lambda _: None
        self._records = {
            key: WarehouseRecord.from_document(key, document) for key, document in documents.all(KIND)
        }
        if documents.get(_SEEDED, KIND) is None:
            documents.put(_SEEDED, KIND, {})
            self._add(read_warehouse(STARTER))

    def get(self, warehouse_id: str) -> WarehouseRecord:
        """The warehouse of this id, also one that was deleted since the server started.

        Raises:
            ApiError: If there is none.
        """
        record = self._records.get(warehouse_id)
        if record is None:
            raise warehouse_missing(warehouse_id)
        return record

    def usable(self, warehouse_id: str) -> WarehouseRecord:
        """The warehouse of this id, unless it was deleted.

        Raises:
            ApiError: If there is none.
        """
        record = self.get(warehouse_id)
        if record.state in GONE:
            raise warehouse_missing(warehouse_id)
        return record

    def all(self) -> list[WarehouseRecord]:
        """All warehouses by their names."""
        present = (record for record in self._records.values() if record.state not in GONE)
        return sorted(present, key=lambda record: record.name)

    def create(self, body: Json) -> WarehouseRecord:
        """Make a warehouse, which starts.

        Raises:
            ApiError: If the settings are refused, or the name is taken.
        """
        settings = read_warehouse(body)
        self._refuse_taken(settings["name"], "")
        record = self._add(settings)
        self.start(record.warehouse_id)
        return record

    def edit(self, warehouse_id: str, body: Json) -> None:
        """Change settings. A running warehouse goes on with them.

        Raises:
            ApiError: If the settings are refused, or the name is taken.
        """
        record = self.usable(warehouse_id)
        settings = read_warehouse({**record.settings, **body})
        self._refuse_taken(settings["name"], warehouse_id)
        record.settings = settings
        if warehouse_id in self._slots:
            self._slots[warehouse_id].total_tokens = record.slots
        self._keep(record)

    def start(self, warehouse_id: str) -> None:
        """Start a warehouse, unless it runs or starts already."""
        record = self.usable(warehouse_id)
        if record.state not in (WarehouseState.STARTING, WarehouseState.RUNNING):
            self._begin(record, WarehouseState.STARTING, lambda: self._bring_up(record))

    def stop(self, warehouse_id: str) -> None:
        """Stop a warehouse, unless it is stopped or stops already. What it executes fails."""
        record = self.usable(warehouse_id)
        if record.state not in (WarehouseState.STOPPING, WarehouseState.STOPPED):
            self._begin(record, WarehouseState.STOPPING, lambda: self._take_down(record))

    def delete(self, warehouse_id: str) -> None:
        """Stop a warehouse and forget it."""
        record = self.usable(warehouse_id)
        self._documents.delete(KIND, warehouse_id)
        self._begin(record, WarehouseState.DELETING, lambda: self._take_down(record, WarehouseState.DELETED))

    def stop_idle(self) -> None:
        """Stop the warehouses that have been idle for as long as their settings allow."""
        for record in self.all():
            if not self._uses[record.warehouse_id] and record.is_idle(self._clock()):
                self.stop(record.warehouse_id)

    def running(self, warehouse_id: str) -> Warehouse | None:
        """A warehouse, if it runs."""
        return self._running.get(warehouse_id)

    @asynccontextmanager
    async def in_use(self, warehouse_id: str) -> AsyncIterator[Warehouse]:
        """A running warehouse with a place for a statement. A stopped one is started.

        Raises:
            WarehouseUnavailableError: If it does not start.
        """
        self._uses[warehouse_id] += 1
        try:
            record = await self._ready(warehouse_id)
            # Unlike a semaphore, its size may change while places are taken.
            slots = self._slots.setdefault(warehouse_id, CapacityLimiter(record.slots))
            async with slots:
                # It may have ended while the statement waited for its turn.
                record = await self._ready(warehouse_id)
                yield self._running[record.warehouse_id]
        finally:
            self._uses[warehouse_id] -= 1
            if warehouse_id in self._records:
                self._records[warehouse_id].active_at = self._clock()

    async def close(self) -> None:
        """End all warehouses."""
        for warehouse_id, work in self._work.items():
            if self._records[warehouse_id].state is WarehouseState.STARTING:
                work.cancel()
        await asyncio.gather(*self._work.values(), return_exceptions=True)
        for warehouse_id in list(self._running):
            await self._stop(warehouse_id)

    def _add(self, settings: Json) -> WarehouseRecord:
        record = WarehouseRecord(new_warehouse_id(), settings, self._user)
        self._records[record.warehouse_id] = record
        self._keep(record)
        return record

    def _refuse_taken(self, name: str, own_id: str) -> None:
        if any(record.name == name and record.warehouse_id != own_id for record in self.all()):
            raise name_taken(name)

    async def _ready(self, warehouse_id: str) -> WarehouseRecord:
        record = self._records.get(warehouse_id)
        if record is None or record.state in GONE:
            raise WarehouseUnavailableError(f"SQL warehouse {warehouse_id} was deleted.")
        if record.state is not WarehouseState.RUNNING:
            self.start(warehouse_id)
            await asyncio.wait({self._work[warehouse_id]})
        if record.warehouse_id not in self._running:
            raise WarehouseUnavailableError(record.failure or f"SQL warehouse {warehouse_id} was stopped.")
        return record

    def _begin(
        self, record: WarehouseRecord, state: WarehouseState, work: Callable[[], Awaitable[None]]
    ) -> None:
        """Set a transitional state and begin the work that ends it, after earlier work.

        A start that is under way is cancelled; a stop is not, as it would leave processes behind.
        """
        if record.state is WarehouseState.STARTING:
            self._work[record.warehouse_id].cancel()
        self._set(record, state)
        one_at_a_time = self._locks.setdefault(record.warehouse_id, asyncio.Lock())

        async def after_the_one_before() -> None:
            async with one_at_a_time:
                await work()

        task = asyncio.create_task(after_the_one_before(), name=f"warehouse-{record.warehouse_id}")
        self._work[record.warehouse_id] = task
        task.add_done_callback(lambda done: self._ended(record, done))

    def _ended(self, record: WarehouseRecord, work: "asyncio.Task[None]") -> None:
        if not work.cancelled() and work.exception() is not None:
            _LOG.error("warehouse %s: error in the workspace", record.name, exc_info=work.exception())
            record.failure = repr(work.exception())
            self._set(record, WarehouseState.STOPPED)

    async def _bring_up(self, record: WarehouseRecord) -> None:
        await self._stop(record.warehouse_id)
        record.failure = ""
        try:
            warehouse = await self._starter.start_warehouse(record.warehouse_id)
        except (ClusterError, TimeoutError) as error:
            record.failure = str(error) or "The warehouse did not start in time."
            self._set(record, WarehouseState.STOPPED)
            return
        self._running[record.warehouse_id] = warehouse
        warehouse.lost.add_done_callback(lambda _: self._lost(record, warehouse))
        record.active_at = self._clock()
        self._set(record, WarehouseState.RUNNING)

    async def _take_down(
        self, record: WarehouseRecord, state: WarehouseState = WarehouseState.STOPPED
    ) -> None:
        await self._stop(record.warehouse_id)
        self._set(record, state)

    async def _stop(self, warehouse_id: str) -> None:
        warehouse = self._running.pop(warehouse_id, None)
        if warehouse is not None:
            self.on_stop(warehouse_id)
            await self._starter.stop_warehouse(warehouse)

    def _lost(self, record: WarehouseRecord, warehouse: Warehouse) -> None:
        """React to a warehouse that ended by itself: it is stopped, and the next statement starts it."""
        if self._running.get(record.warehouse_id) is warehouse:
            record.failure = "The warehouse was lost: its Spark server or its process ended."
            self._begin(record, WarehouseState.STOPPING, lambda: self._take_down(record))

    def _set(self, record: WarehouseRecord, state: WarehouseState) -> None:
        record.state = state
        _LOG.info("warehouse %s (%s): %s", record.warehouse_id, record.name, state)

    def _keep(self, record: WarehouseRecord) -> None:
        self._documents.put(KIND, record.warehouse_id, record.as_document())
