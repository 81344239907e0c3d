"""All routes of the services."""

from collections.abc import Callable

from fastapi import APIRouter

from databricks_local.routes.catalog.governance import grants_router
from databricks_local.routes.catalog.local import local_catalog_router
from databricks_local.routes.catalog.namespace import catalog_router
from databricks_local.routes.catalog.sail import sail_router
from databricks_local.routes.catalog.tables import tables_router
from databricks_local.routes.clusters import clusters_router
from databricks_local.routes.context import Services
from databricks_local.routes.files.dbfs import dbfs_router
from databricks_local.routes.files.uploads import uploads_router
from databricks_local.routes.files.volume_files import volume_files_router
from databricks_local.routes.governance import governance_router
from databricks_local.routes.repos import repos_router
from databricks_local.routes.secret_scopes import secrets_router
from databricks_local.routes.sql.history import history_router
from databricks_local.routes.sql.queries import queries_router
from databricks_local.routes.sql.statements import statements_router
from databricks_local.routes.sql.warehouses import warehouses_router


def services_router(services: Services, find_job: Callable[[int], object]) -> APIRouter:
    """The routes of files, volumes, secrets, clusters and the rest.

    Args:
        services: The services.
        find_job: Refuses the id of an unknown job.
    """
    router = APIRouter()
    router.include_router(dbfs_router(services.dbfs))
    router.include_router(volume_files_router(services.volumes, services.uploads))
    router.include_router(uploads_router(services.volumes, services.uploads))
    router.include_router(catalog_router(services.catalog, services.tables.locations))
    router.include_router(tables_router(services.catalog, services.tables))
    router.include_router(grants_router(services.grants))
    router.include_router(sail_router(services.catalog, services.tables))
    router.include_router(local_catalog_router(services.catalog, services.tables))
    router.include_router(secrets_router(services.secrets))
    router.include_router(clusters_router(services.clusters))
    router.include_router(
        governance_router(services.permissions, services.clusters, services.sql.warehouses, find_job)
    )
    router.include_router(repos_router(services.repos))
    router.include_router(warehouses_router(services.sql))
    router.include_router(statements_router(services.sql))
    router.include_router(history_router(services.sql))
    router.include_router(queries_router(services.sql.queries))
    return router
