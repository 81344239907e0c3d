"""Prefect's server application, with SQLite transactions that queue: `uvicorn --factory …:create_app`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prefect.server.api import server
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import MODELS_DEPENDENCIES
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


class QueueingSqlite(AioSqliteConfiguration):
    """Begins every transaction with the write lock, which SQLite lets the others wait for.

    Prefect begins most of them as readers. A reader cannot become a writer once another connection has
    written, however long it would wait (SQLITE_BUSY_SNAPSHOT, https://www.sqlite.org/rescode.html): the
    server answers 503, and its client tries again after 2 s. Prefect's remedy, here and there, is the same
    lock (`with_for_update`). The stack's PostgreSQL is none: its wheel lacks pg_trgm, which Prefect needs.
    """

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = True
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        """Begins a transaction that may write, whatever was asked for."""
        async with super().begin_transaction(session, with_for_update=True) as transaction:
            yield transaction


def create_app() -> FastAPI:
    """Makes the application; its settings are those of the environment, as always."""
    # No setting chooses how a transaction begins; the server takes what it finds here.
    MODELS_DEPENDENCIES["database_config"] = QueueingSqlite(PREFECT_SERVER_DATABASE_CONNECTION_URL.value())
    return server.create_app()
