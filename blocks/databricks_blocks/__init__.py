"""Prefect blocks for Databricks: workspace, job and its runs, SQL warehouse, volume, and the errors to catch.

The names are imported when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from databricks_blocks.databricks_job import DatabricksJob, DatabricksJobRun
    from databricks_blocks.errors import (
        BlockNotFound,
        BlockTypeNotInstalled,
        DatabricksJobError,
        DatabricksRunCancelled,
        DatabricksRunFailed,
        DatabricksRunRefused,
        DatabricksRunSkipped,
        DatabricksRunTimedOut,
        DatabricksUnreachable,
        InvalidJob,
        WorkspaceNotConfigured,
    )
    from databricks_blocks.sql.errors import (
        ResultUnavailable,
        StatementCancelled,
        StatementError,
        StatementFailed,
        StatementTimedOut,
        WarehouseUnavailable,
    )
    from databricks_blocks.sql.parameters import InvalidStatement
    from databricks_blocks.sql_warehouse import SqlWarehouse
    from databricks_blocks.workspace.block import DatabricksWorkspace
    from databricks_blocks.workspace.volume import UnityCatalogVolume

__all__ = [
    "BlockNotFound",
    "BlockTypeNotInstalled",
    "DatabricksJob",
    "DatabricksJobError",
    "DatabricksJobRun",
    "DatabricksRunCancelled",
    "DatabricksRunFailed",
    "DatabricksRunRefused",
    "DatabricksRunSkipped",
    "DatabricksRunTimedOut",
    "DatabricksUnreachable",
    "DatabricksWorkspace",
    "InvalidJob",
    "InvalidStatement",
    "ResultUnavailable",
    "SqlWarehouse",
    "StatementCancelled",
    "StatementError",
    "StatementFailed",
    "StatementTimedOut",
    "UnityCatalogVolume",
    "WarehouseUnavailable",
    "WorkspaceNotConfigured",
]

_MODULES = {
    "DatabricksJob": "databricks_blocks.databricks_job",
    "DatabricksJobRun": "databricks_blocks.databricks_job",
    "DatabricksWorkspace": "databricks_blocks.workspace.block",
    "InvalidStatement": "databricks_blocks.sql.parameters",
    "ResultUnavailable": "databricks_blocks.sql.errors",
    "SqlWarehouse": "databricks_blocks.sql_warehouse",
    "StatementCancelled": "databricks_blocks.sql.errors",
    "StatementError": "databricks_blocks.sql.errors",
    "StatementFailed": "databricks_blocks.sql.errors",
    "StatementTimedOut": "databricks_blocks.sql.errors",
    "UnityCatalogVolume": "databricks_blocks.workspace.volume",
    "WarehouseUnavailable": "databricks_blocks.sql.errors",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES.get(name, "databricks_blocks.errors")), name)
    globals()[name] = value  # the next use does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
