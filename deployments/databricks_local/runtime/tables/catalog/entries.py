"""Tables and views as a statement finds them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from databricks_local.runtime.tables.errors import refused
from databricks_local.runtime.tables.reading.tokens import quoted_name

DELTA, VIEW, MANAGED, EXTERNAL = "DELTA", "VIEW", "MANAGED", "EXTERNAL"


@dataclass(frozen=True)
class Entry:
    """A table or view.

    Attributes:
        names: The names of catalog, schema and table; of a table by its path, `delta` and the path.
        location: Where its files are, as the catalog or the statement says.
        path: Where they are for this process; None if they are not on this machine.
        record: What the catalog says about it; empty of a table by its path.
        locate: Gives the place for the engine.
    """

    names: tuple[str, ...]
    location: str = ""
    path: Path | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    locate: Callable[[], str] = str

    @property
    def uri(self) -> str:
        """Where its files are, for the engine. A place that is made meanwhile may have another one then."""
        return self.locate()

    @property
    def is_view(self) -> bool:
        """Whether it is a view."""
        return self.record.get("table_type") == VIEW

    @property
    def is_delta(self) -> bool:
        """Whether it is a Delta table."""
        return self.record.get("data_source_format", DELTA) == DELTA and not self.is_view

    @property
    def by_path(self) -> bool:
        """Whether it is a table that no catalog has."""
        return not self.record

    @property
    def properties(self) -> dict[str, str]:
        """Its properties."""
        return dict(self.record.get("properties") or {})

    @property
    def shown(self) -> str:
        """Its name for people."""
        return quoted_name(*self.names)

    @property
    def for_engine(self) -> str:
        """It, as the engine reads it in SQL."""
        return f"delta.{quoted_name(self.uri)}"

    def on_disk(self, statement: str) -> Path:
        """Where its files are for this process.

        Args:
            statement: What needs them.

        Raises:
            UnsupportedOperationException: If they are not on this machine.
        """
        if self.path is None:
            raise refused(
                f"{statement} of a table at {self.location}",
                "SELECT, INSERT, UPDATE, DELETE and MERGE reach tables that are not on this machine",
            )
        return self.path
