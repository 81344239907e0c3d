"""What a workspace has besides runs and notebooks: files, volumes, secrets, clusters and the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from databricks_local.access.permissions import Permissions
from databricks_local.catalog.delta_log import DeltaLogs
from databricks_local.catalog.grants import Grants
from databricks_local.catalog.locations import Locations
from databricks_local.catalog.shown import METASTORE_ID
from databricks_local.catalog.tables import Tables
from databricks_local.catalog.unity_catalog import Catalog
from databricks_local.clusters.registry import ClusterRegistry
from databricks_local.clusters.servers import ClusterStarter
from databricks_local.execution.mounts import Mounts
from databricks_local.files.dbfs import Dbfs
from databricks_local.files.tree import PARTS, PARTS_NAME
from databricks_local.files.uploads import Uploads
from databricks_local.files.volumes import Volumes
from databricks_local.git.repos import Repos
from databricks_local.routes.context import Services
from databricks_local.runs.clock import TurnableClock
from databricks_local.secrets.store import SecretStore
from databricks_local.sql.service import open_sql
from databricks_local.sql.warehouses import WarehouseStarter
from databricks_local.storage.database import Database
from databricks_local.storage.documents import Documents
from databricks_local.storage.leftovers import remove_leftovers

SECRETS = "secrets"
"""The directory under the root that only the server looks into."""


class ServerStarter(ClusterStarter, WarehouseStarter, Protocol):
    """Starts and ends the servers of clusters and warehouses."""


def open_secrets(root: Path, user: str, clock: Callable[[], int]) -> SecretStore:
    """Open the secrets. They come first, since the executor needs them, too."""
    return SecretStore(root / SECRETS, clock, user)


def mounts_of(root: Path, *, enabled: bool) -> Mounts:
    """The paths that tasks and clusters see, and the directories that are hidden from them."""
    scratch = root / "mounts"
    scratch.mkdir(exist_ok=True)
    places = {"/dbfs": root / "dbfs", "/Volumes": root / "volumes", "/Workspace": root / "files"}
    return Mounts(
        str(scratch), {path: str(place) for path, place in places.items()}, (str(root / SECRETS),), enabled
    )


@dataclass(frozen=True)
class OpenCatalog:
    """The catalog and what it is kept in.

    Attributes:
        documents: Its records, and those of other services.
        volumes: The files of its volumes.
        tables: Its tables.
        catalog: Catalogs, schemas and volumes.
    """

    documents: Documents
    volumes: Volumes
    tables: Tables
    catalog: Catalog

    def names(self) -> list[str]:
        """The names of the catalogs."""
        return self.volumes.names()


def open_catalog(
    root: Path, user: str, clock: Callable[[], int], storage_options: Mapping[str, str]
) -> OpenCatalog:
    """Open the catalog. It comes before the executor, whose clusters know it.

    Args:
        root: The workspace's directory.
        user: The one user.
        clock: Milliseconds since 1970.
        storage_options: How tables that are not on this machine are reached.
    """
    documents = Documents(root / "objects.sqlite")
    volumes = Volumes(root / "volumes")
    tables = Tables(documents, Locations(root), DeltaLogs(storage_options), clock, user)
    tables.remove_leftovers()
    return OpenCatalog(documents, volumes, tables, Catalog(volumes, tables, documents, clock, user))


def open_services(
    root: Path,
    origin: str,
    user: str,
    clock: TurnableClock,
    starter: ServerStarter,
    secrets: SecretStore,
    opened: OpenCatalog,
    database: Database,
) -> Services:
    """Open the services' state under the root.

    Args:
        root: The workspace's directory.
        origin: Where the workspace is reached; presigned URLs begin with it.
        user: The one user.
        clock: The time. Uploads that are under way, and URLs that were given out, keep to the real one.
        starter: Starts the servers of clusters and warehouses.
        secrets: The secrets; `open_secrets` opens them.
        opened: The catalog; `open_catalog` opens it.
        database: Where statements are kept.
    """
    # Parts of uploads that were under way when the last server ended.
    remove_leftovers(root / PARTS, PARTS_NAME)
    documents, volumes = opened.documents, opened.volumes
    return Services(
        dbfs=Dbfs(root / "dbfs", clock.real),
        volumes=volumes,
        uploads=Uploads(volumes, origin, clock.real),
        catalog=opened.catalog,
        tables=opened.tables,
        grants=Grants(opened.catalog, opened.tables, documents, METASTORE_ID),
        documents=documents,
        secrets=secrets,
        clusters=ClusterRegistry(starter, documents, clock, user),
        permissions=Permissions(documents, user),
        repos=Repos(root / "files", root / "repos", documents, user),
        sql=open_sql(root, origin, user, clock, starter, documents, database),
    )
