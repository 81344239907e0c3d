"""All routes of the services."""

from fastapi import APIRouter

from deployments.local.workspace.routes.catalog import catalog_router
from deployments.local.workspace.routes.dbfs import dbfs_router
from deployments.local.workspace.routes.secret_scopes import secrets_router
from deployments.local.workspace.routes.uploads import uploads_router
from deployments.local.workspace.routes.volume_files import volume_files_router
from deployments.local.workspace.services import Services


def services_router(services: Services) -> APIRouter:
    """The routes of files, volumes, secrets, clusters and the rest."""
    router = APIRouter()
    router.include_router(dbfs_router(services.dbfs))
    router.include_router(volume_files_router(services.volumes, services.uploads))
    router.include_router(uploads_router(services.volumes, services.uploads))
    router.include_router(catalog_router(services.catalog))
    router.include_router(secrets_router(services.secrets))
    return router
