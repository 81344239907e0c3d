"""Saves the named blocks that the flows use by default."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any, cast

from prefect import get_client
from prefect.blocks.core import Block

from .databricks.workspace import DatabricksWorkspace

DATABASE_BLOCK = "warehouse"
BUCKET_BLOCK = "staging"
WORKSPACE_BLOCK = "workspace"


@dataclass(frozen=True)
class Connections:
    """Where the database, the bucket and the workspace are, and how to log in to them.

    Attributes:
        database_host: Host of the PostgreSQL server.
        database_port: Its port.
        database_name: Name of the database.
        database_user: User.
        database_password: Password.
        bucket_name: Name of the bucket.
        storage_url: URL of an S3-compatible storage.
        storage_region: Region.
        storage_key_id: Access key id.
        storage_secret: Secret access key.
        workspace_url: URL of the Databricks workspace.
        workspace_token: Personal access token.
    """

    database_host: str
    database_port: int
    database_name: str
    database_user: str
    database_password: str = field(repr=False)
    bucket_name: str
    storage_url: str
    storage_region: str
    storage_key_id: str = field(repr=False)
    storage_secret: str = field(repr=False)
    workspace_url: str
    workspace_token: str = field(repr=False)

    def fingerprint(self) -> str:
        """A hash that changes with every value and shows none of them."""
        values = {**asdict(self), "version": metadata.version("databricks-flows")}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def register_blocks(connections: Connections) -> list[str]:
    """Save the blocks in the Prefect server, in place of those that are there under the same names.

    Returns:
        Type and name of each block.
    """
    blocks = make_blocks(connections)
    for name, block in blocks.items():
        # Without _sync, the same call gives a coroutine when any async code is around it.
        cast(Any, block).save(name, overwrite=True, _sync=True)
    return [f"{block.get_block_type_slug()}/{name}" for name, block in blocks.items()]


def are_registered() -> bool:
    """Whether the Prefect server has blocks under all of the names."""
    with get_client(sync_client=True) as client:
        found = {document.name for document in client.read_block_documents()}
    return found >= {DATABASE_BLOCK, BUCKET_BLOCK, WORKSPACE_BLOCK}


def make_blocks(connections: Connections) -> dict[str, Block]:
    """Make the blocks by name, without saving them."""
    from prefect_aws.client_parameters import AwsClientParameters
    from prefect_aws.credentials import AwsCredentials
    from prefect_aws.s3 import S3Bucket
    from prefect_sqlalchemy.credentials import ConnectionComponents, SyncDriver
    from prefect_sqlalchemy.database import SqlAlchemyConnector

    return {
        DATABASE_BLOCK: SqlAlchemyConnector(
            connection_info=ConnectionComponents(
                driver=SyncDriver.POSTGRESQL_PSYCOPG2,
                host=connections.database_host,
                port=connections.database_port,
                database=connections.database_name,
                username=connections.database_user,
                password=connections.database_password,
            )
        ),
        BUCKET_BLOCK: S3Bucket(
            bucket_name=connections.bucket_name,
            credentials=AwsCredentials(
                aws_access_key_id=connections.storage_key_id,
                aws_secret_access_key=connections.storage_secret,
                region_name=connections.storage_region,
                aws_client_parameters=AwsClientParameters(endpoint_url=connections.storage_url),
            ),
        ),
        WORKSPACE_BLOCK: DatabricksWorkspace(
            databricks_instance=connections.workspace_url, token=connections.workspace_token
        ),
    }
