"""Where the parts of a running stack are, and how its state is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from databricks_local.execution.mounts import are_available
from databricks_local.jobs.engines import SAIL, SPARK
from databricks_local.sql.settings import STARTER

STAGING_VOLUME = ("main", "default", "staging")
"""Catalog, schema and name of the volume in which files are staged where Spark does not reach S3."""
PIPES_VOLUME = ("main", "default", "pipes")
"""The volume through which notebooks tell what they do."""


@dataclass(frozen=True)
class PostgresEndpoint:
    """The database."""

    host: str
    port: int
    user: str
    database: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class S3Endpoint:
    """The object storage, and the bucket that is there."""

    endpoint_url: str
    region: str
    bucket: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class WorkspaceEndpoint:
    """The Databricks workspace; `host` is `127.0.0.1:PORT`, without a scheme."""

    host: str
    url: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class PrefectEndpoint:
    """The Prefect server."""

    api_url: str
    ui_url: str
    auth_string: str = field(repr=False)


@dataclass(frozen=True)
class StackEndpoints:
    """All of a stack; its representation shows no secret. `engine` is what runs Spark in the workspace."""

    postgres: PostgresEndpoint
    s3: S3Endpoint
    workspace: WorkspaceEndpoint
    prefect: PrefectEndpoint
    engine: str = SAIL

    def variables(self) -> dict[str, str]:
        """The variables by which the tools of each part find it, and from which the blocks are made."""
        return {
            "PGHOST": self.postgres.host,
            "PGPORT": str(self.postgres.port),
            "PGDATABASE": self.postgres.database,
            "PGUSER": self.postgres.user,
            "PGPASSWORD": self.postgres.password,
            **self._staging(),
            "AWS_ENDPOINT_URL": self.s3.endpoint_url,
            "AWS_REGION": self.s3.region,
            "AWS_ACCESS_KEY_ID": self.s3.access_key,
            "AWS_SECRET_ACCESS_KEY": self.s3.secret_key,
            "DATABRICKS_HOST": self.workspace.url,
            "DATABRICKS_TOKEN": self.workspace.token,
            "DATABRICKS_WAREHOUSE_NAME": STARTER["name"],
            **self._pipes(),
        }

    def _staging(self) -> dict[str, str]:
        if self.engine == SPARK:
            return {"STAGING_VOLUME": "/".join(("/Volumes", *STAGING_VOLUME))}
        return {"STAGING_BUCKET": self.s3.bucket}

    def _pipes(self) -> dict[str, str]:
        # Where tasks see no /Volumes, nobody could write there.
        return {"PIPES_FOLDER": "/".join(("/Volumes", *PIPES_VOLUME))} if are_available() else {}


ServiceState = Literal["healthy", "not answering", "died", "stopped"]


@dataclass(frozen=True)
class ServiceStatus:
    """How a service is: `died` ended by itself, `stopped` was stopped or never started."""

    name: str
    state: ServiceState
    url: str | None
    pid: int | None
