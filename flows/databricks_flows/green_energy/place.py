"""Where the tables of the pipeline are."""

from __future__ import annotations

from dataclasses import dataclass

from databricks_blocks.sql.texts.quoting import quoted_name

CATALOG, SCHEMA = "main", "elt"


@dataclass(frozen=True)
class Place:
    """A schema, and the warehouse that works on it.

    Attributes:
        catalog: The catalog.
        schema: The schema.
        warehouse: Name of the block of the SQL warehouse.
    """

    catalog: str
    schema: str
    warehouse: str

    def quoted(self, *table: str) -> str:
        """Full name of a table, or of the schema, as SQL has it."""
        return quoted_name(self.catalog, self.schema, *table)

    def named(self, table: str) -> str:
        """Full name of a table for people."""
        return f"{self.catalog}.{self.schema}.{table}"
