"""Finds what serves a statement."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from databricks_local.runtime.tables.catalog.session import SessionCatalog
from databricks_local.runtime.tables.engine import Engine
from databricks_local.runtime.tables.reading.cursor import Cursor


@dataclass(frozen=True)
class Statement:
    """A statement that is to be run.

    Attributes:
        text: Its text.
        relation: The relation that it came as, with its arguments.
        arguments: The values of its arguments that are text, by name.
        engine: Runs queries.
        catalog: Knows the names of the session.
    """

    text: str
    relation: Any
    arguments: dict[str, str]
    engine: Engine
    catalog: SessionCatalog


Serve = Callable[[Statement, Cursor], Any]
"""Runs a statement; gives its answer as an Arrow table, or as a relation; None if the engine can run it."""
