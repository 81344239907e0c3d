"""The settings of a SQL warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from databricks_blocks.setup.settings import WorkspaceLogin

if TYPE_CHECKING:
    from databricks_blocks.sql_warehouse import SqlWarehouse

WAREHOUSE_VARIABLES = ("DATABRICKS_WAREHOUSE_ID", "DATABRICKS_WAREHOUSE_NAME")


class WarehouseSettings(WorkspaceLogin):
    """The SQL warehouse, by its id, in the variable of the Databricks SDK, or by its name."""

    kind = "Databricks SQL Warehouse"
    warehouse_id: str = Field(default="", alias="DATABRICKS_WAREHOUSE_ID")
    warehouse_name: str = Field(default="", alias="DATABRICKS_WAREHOUSE_NAME")
    catalog: str = Field(default="", alias="DATABRICKS_CATALOG")
    schema_name: str = Field(default="", alias="DATABRICKS_SCHEMA")

    @model_validator(mode="after")
    def _one_warehouse(self) -> Self:
        if bool(self.warehouse_id) == bool(self.warehouse_name):
            raise ValueError(f"set {' or '.join(WAREHOUSE_VARIABLES)}, one of them")
        return self

    def block(self) -> SqlWarehouse:
        """Make the block, without saving it."""
        from databricks_blocks.sql_warehouse import SqlWarehouse

        return SqlWarehouse(
            workspace=self.workspace(),
            warehouse_id=self.warehouse_id,
            warehouse_name=self.warehouse_name,
            catalog=self.catalog,
            schema_name=self.schema_name,
        )
