"""What the routes of a workspace share."""

from dataclasses import dataclass

from databricks_local.access.permissions import Permissions
from databricks_local.api.links import Links
from databricks_local.catalog.grants import Grants
from databricks_local.catalog.tables import Tables
from databricks_local.catalog.unity_catalog import Catalog
from databricks_local.clusters.registry import ClusterRegistry
from databricks_local.files.dbfs import Dbfs
from databricks_local.files.uploads import Uploads
from databricks_local.files.volumes import Volumes
from databricks_local.files.workspace_files import WorkspaceFiles
from databricks_local.git.repos import Repos
from databricks_local.jobs.store import JobStore
from databricks_local.runs.launcher import Launcher
from databricks_local.runs.runner import Runner
from databricks_local.runs.store import Clock, RunStore
from databricks_local.runs.timetable import Timetable
from databricks_local.secrets.store import SecretStore
from databricks_local.sql.service import Sql
from databricks_local.storage.database import Database
from databricks_local.storage.documents import Documents


@dataclass(frozen=True)
class Services:
    """The services, all of them with their state under the root."""

    dbfs: Dbfs
    volumes: Volumes
    uploads: Uploads
    catalog: Catalog
    tables: Tables
    grants: Grants
    documents: Documents
    secrets: SecretStore
    clusters: ClusterRegistry
    permissions: Permissions
    repos: Repos
    sql: Sql

    async def close(self) -> None:
        """End the clusters and warehouses, and close the files."""
        await self.sql.close()
        await self.clusters.close()
        self.secrets.close()
        self.tables.locations.aliases.close()
        self.documents.close()


@dataclass(frozen=True)
class Workspace:
    """A workspace: its state, its files, and what runs its runs."""

    database: Database
    store: RunStore
    jobs: JobStore
    launcher: Launcher
    files: WorkspaceFiles
    runner: Runner
    links: Links
    clock: Clock
    services: Services
    user: str
    timetable: Timetable
