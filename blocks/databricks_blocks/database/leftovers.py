"""What runs left in a database: found by name, and removed."""

from __future__ import annotations

import re

from databricks_blocks.database.connection import database_url, has_copy, open_transaction
from databricks_blocks.loading import load_block
from databricks_blocks.run_log import telling_the_story

_RUN = re.compile(r"run_[0-9a-f]{32}")


def run_names(tables: list[str]) -> list[str]:
    """Find the runs in the names of tables, as databases without a schema for each run have them.

    Args:
        tables: Names of tables, such as `run_<hex id>_solar`.

    Returns:
        The beginnings, `run_<hex id>`, each once, in order.
    """
    return sorted({name[:36] for name in tables if _RUN.fullmatch(name[:36]) and name[36:37] == "_"})


def list_run_schemas(block_name: str) -> list[str]:
    """Find the schemas of runs; where there are no schemas, what the names of their tables begin with.

    Args:
        block_name: Name of a `SqlAlchemyConnector` block. Call this from a sync task or from plain code.

    Returns:
        Names of the form `run_<hex id>`, in order. `open_transaction` takes them.
    """
    import sqlalchemy as sa
    from prefect_sqlalchemy.database import SqlAlchemyConnector

    with telling_the_story(), load_block(SqlAlchemyConnector, block_name) as connector:
        inspector = sa.inspect(connector.get_engine())
        if has_copy(database_url(connector)):
            return sorted(name for name in inspector.get_schema_names() if _RUN.fullmatch(name))
        return run_names(inspector.get_table_names())


def drop_run_tables(block_name: str, run: str) -> None:
    """Remove the tables of a run, and its schema. If there are none, this does nothing.

    On PostgreSQL it waits at most 30 s for somebody else who uses the tables.

    Args:
        block_name: As for `list_run_schemas`.
        run: One of the names that `list_run_schemas` gave.
    """
    with open_transaction(block_name, run) as transaction:
        transaction.end_run()
