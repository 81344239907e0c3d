"""Open the database of a block: PostgreSQL by COPY, any other database by SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from databricks_blocks.database.transaction import DatabaseTransaction, Transactions
from databricks_blocks.loading import load_block
from databricks_blocks.run_log import telling_the_story

if TYPE_CHECKING:
    from prefect_sqlalchemy.database import SqlAlchemyConnector
    from sqlalchemy import URL

DATABASE_BLOCK = "database"
"""Name of the block that the flows use by default."""


def load_database(block_name: str) -> SqlAlchemyConnector:
    """Load the block of a database.

    Args:
        block_name: Name of a `SqlAlchemyConnector` block.

    Raises:
        BlockNotFound: There is no such block.
    """
    from prefect_sqlalchemy.database import SqlAlchemyConnector

    return load_block(SqlAlchemyConnector, block_name)


@contextmanager
def open_database(block: str | SqlAlchemyConnector) -> Iterator[Transactions]:
    """Open the database of a block for several transactions.

    Args:
        block: A `SqlAlchemyConnector` block, or the name of one. Call this from a sync task or from plain
            code: in an async context the block's methods return coroutines.
    """
    with telling_the_story(), load_database(block) if isinstance(block, str) else block as connector:
        if has_copy(database_url(connector)):
            from databricks_blocks.database.postgres import postgres_transaction

            yield partial(postgres_transaction, connector)
        else:
            from databricks_blocks.database.sql import sql_transaction

            yield partial(sql_transaction, connector)


@contextmanager
def open_transaction(block_name: str, run: str) -> Iterator[DatabaseTransaction]:
    """Open one transaction on the database of a block; it commits at the end and rolls back on an error.

    Args:
        block_name: Name of a `SqlAlchemyConnector` block.
        run: Schema of the run's tables; where there are no schemas, the start of their names.
    """
    with open_database(block_name) as begin, begin(run) as transaction:
        yield transaction


def database_url(connector: SqlAlchemyConnector) -> URL:
    """URL of the database of a block, with its password."""
    from sqlalchemy import make_url

    given = connector.connection_info
    return make_url(str(given)) if isinstance(given, str) else given.create_url()


def has_copy(url: URL) -> bool:
    """Whether the database is reached by a driver with PostgreSQL's COPY."""
    return url.drivername == "postgresql+psycopg2"
