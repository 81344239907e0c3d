"""The settings of a database of any kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, SecretStr, model_validator

from databricks_blocks.setup.settings import BlockSettings

if TYPE_CHECKING:
    from prefect.blocks.core import Block
    from sqlalchemy import URL

# The rest of the password would be taken for the host, and shown.
_ESCAPE = (
    "DATABASE_URL has a user or a password with a character that means something else in a URL: write @ as "
    "%40, : as %3A, / as %2F"
)
_IN_FILES = ("sqlite", "duckdb")


class DatabaseUrlSettings(BlockSettings):
    """A database of any kind, by the URL that SQLAlchemy takes (docs: SQLAlchemy, database URLs)."""

    kind = "SQLAlchemy Connector"
    chosen_by = "DATABASE_URL"
    url: SecretStr = Field(alias="DATABASE_URL")

    @model_validator(mode="after")
    def _is_a_database_that_stays(self) -> Self:
        from sqlalchemy.exc import ArgumentError

        try:
            url = self._parsed()
        except ArgumentError:
            raise ValueError(
                "DATABASE_URL is not a URL of SQLAlchemy, such as sqlite:////data/dwh.db"
            ) from None
        except ValueError:  # a port that is no number; the message would show it
            raise ValueError(_ESCAPE) from None
        if "@" in (url.host or "") or (url.password is not None and "@" in (url.database or "")):
            raise ValueError(_ESCAPE)
        if url.get_backend_name() in _IN_FILES and not Path(url.database or "").is_absolute():
            raise ValueError(
                "DATABASE_URL names no file by its absolute path, as sqlite:////data/dwh.db does: workers "
                "run in other directories, and what is in memory ends with its connection"
            )
        return self

    def secrets(self) -> list[str]:
        """The values that must not be shown."""
        return [value for value in (*super().secrets(), self._parsed().password) if value]

    def block(self) -> Block:
        """Make the block, without saving it."""
        from prefect_sqlalchemy.credentials import ConnectionComponents
        from prefect_sqlalchemy.database import SqlAlchemyConnector

        url = self._parsed()
        # As separate fields: the block keeps only the field of the password secret.
        return SqlAlchemyConnector(
            connection_info=ConnectionComponents(
                driver=url.drivername,
                host=url.host,
                port=url.port,
                database=url.database,
                username=url.username,
                password=None if url.password is None else SecretStr(url.password),
                query=dict(url.query) or None,
            )
        )

    def _parsed(self) -> URL:
        from sqlalchemy import make_url

        url = make_url(self.url.get_secret_value())
        # Named, because SQLAlchemy 2.1 takes psycopg by default, which has another COPY.
        return url.set(drivername="postgresql+psycopg2") if url.drivername == "postgresql" else url
