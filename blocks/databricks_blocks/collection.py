"""The block types of this package, for the catalog of a Prefect server.

The entry point `prefect.collections` names this module: a server that starts, and whoever looks a block up by
its type, imports it, and so registers what it imports.
"""

from databricks_blocks.databricks_job import DatabricksJob
from databricks_blocks.sql_warehouse import SqlWarehouse
from databricks_blocks.workspace.block import DatabricksWorkspace
from databricks_blocks.workspace.volume import UnityCatalogVolume

__all__ = ["DatabricksJob", "DatabricksWorkspace", "SqlWarehouse", "UnityCatalogVolume"]
