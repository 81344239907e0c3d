"""Installs the libraries of all-purpose clusters, and keeps their status in the clusters' records."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError
from databricks_local.clusters.records import (
    FAILED,
    INSTALLED,
    INSTALLING,
    PENDING,
    ClusterRecord,
    library_key,
)
from databricks_local.execution.cluster import Cluster
from databricks_local.execution.provisioning.installing import LibraryInstallationError
from databricks_local.jobs.libraries import Library, parse_library


class LibraryStarter(Protocol):
    """Installs libraries."""

    async def install_libraries(self, cluster: Cluster, libraries: Sequence[Library]) -> None:
        """Install libraries on a cluster."""


class ClusterLibraryStatuses:
    """Installs the libraries that the records list on the running clusters, one after the other."""

    def __init__(self, starter: LibraryStarter, keep: Callable[[ClusterRecord], None]) -> None:
        """Set up.

        Args:
            starter: Installs libraries.
            keep: Writes a record down after a change.
        """
        self._starter = starter
        self._keep = keep
        self._work: dict[str, asyncio.Task[None]] = {}

    def ask(self, record: ClusterRecord, libraries: Sequence[Json]) -> None:
        """Add libraries to a record, to be installed."""
        for library in libraries:
            status = {"library": library, "status": PENDING, "is_library_for_all_clusters": False}
            record.libraries[library_key(library)] = status
        self._keep(record)

    def begin(self, record: ClusterRecord, cluster: Cluster) -> None:
        """Install what is pending, in the background."""
        work = self._work.get(record.cluster_id)
        if work is None or work.done():
            self._work[record.cluster_id] = asyncio.create_task(self._install(record, cluster))

    async def settled(self, cluster_id: str) -> None:
        """Wait until nothing is being installed."""
        work = self._work.get(cluster_id)
        if work is not None:
            await asyncio.wait({work})

    async def stop(self, record: ClusterRecord) -> None:
        """Stop installing, since the cluster ends. All libraries are pending until it runs again."""
        work = self._work.pop(record.cluster_id, None)
        if work is not None:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        record.await_libraries()

    async def close(self) -> None:
        """Stop all installations."""
        for work in self._work.values():
            work.cancel()
        await asyncio.gather(*self._work.values(), return_exceptions=True)

    async def _install(self, record: ClusterRecord, cluster: Cluster) -> None:
        while pending := [status for status in record.libraries.values() if status["status"] == PENDING]:
            status = pending[0]
            status["status"] = INSTALLING
            status.pop("messages", None)
            self._keep(record)
            failure = await self._failure(cluster, status["library"])
            # Its status may have changed meanwhile, by an uninstall or another install.
            if status["status"] == INSTALLING:
                status["status"] = FAILED if failure else INSTALLED
                if failure:
                    status["messages"] = [failure]
                self._keep(record)

    async def _failure(self, cluster: Cluster, library: Json) -> str:
        """Install one library; returns why that failed, or an empty text."""
        try:
            await self._starter.install_libraries(cluster, [parse_library(library)])
        except (LibraryInstallationError, ApiError) as error:
            return str(error)
        return ""


def failure_of(record: ClusterRecord, libraries: Sequence[Json]) -> str:
    """Why one of the libraries could not be installed; empty if all of them could."""
    for library in libraries:
        status = record.libraries.get(library_key(library), {})
        if status.get("status") == FAILED:
            return str(status["messages"][0])
    return ""
