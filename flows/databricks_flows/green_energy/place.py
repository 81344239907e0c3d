"""Where the tables of the pipeline are."""

from __future__ import annotations

from dataclasses import dataclass

from databricks_blocks.sql.texts.quoting import quoted_name
from databricks_blocks.sql_warehouse import WAREHOUSE_BLOCK

CATALOG, SCHEMA = "main", "elt"


@dataclass(frozen=True)
class Place:
    """A schema, and the warehouse that works on it.

    Unity Catalog does not tell names apart by case. So they are in lower case here, and with them what is
    made of them: the folder of the files, by whose paths `COPY INTO` knows what it has loaded, and the asset.

    Attributes:
        catalog: The catalog, in lower case.
        schema: The schema, in lower case.
        warehouse: Name of the block of the SQL warehouse.

    Examples:
        >>> Place("Main", "ELT").quoted("plants")
        '`main`.`elt`.`plants`'
    """

    catalog: str
    schema: str
    warehouse: str = WAREHOUSE_BLOCK

    def __post_init__(self) -> None:
        for name in ("catalog", "schema"):
            object.__setattr__(self, name, getattr(self, name).lower())

    def folder(self, table: str) -> str:
        """Where the files of a table are staged, below the place of the block."""
        return f"{self.catalog}/{self.schema}/{table}"

    def quoted(self, *table: str) -> str:
        """Full name of a table, or of the schema, as SQL has it."""
        return quoted_name(self.catalog, self.schema, *table)

    def named(self, table: str) -> str:
        """Full name of a table for people."""
        return f"{self.catalog}.{self.schema}.{table}"
