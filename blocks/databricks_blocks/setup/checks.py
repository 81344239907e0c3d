"""Check by a real call whether the system behind a block can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from databricks_blocks.database.connection import database_url, has_copy
from databricks_blocks.database.tables import Column, Table
from databricks_blocks.errors import DatabricksJobError
from databricks_blocks.pipes.channel import open_channel
from databricks_blocks.pipes.pipes import Pipes
from databricks_blocks.staging.area import STAGING_BLOCKS, staging_area
from databricks_blocks.workspace.api_errors import api_errors

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from prefect.blocks.core import Block
    from prefect_sqlalchemy.database import SqlAlchemyConnector

    from databricks_blocks.sql_warehouse import SqlWarehouse
    from databricks_blocks.workspace.block import DatabricksWorkspace

_OLDEST_POSTGRES = 150_000
_SECONDS_TO_CONNECT = 10
_SECONDS_OF_RETRIES = 5
_CONTENT = b"dbflow"


class CheckFailed(Exception):
    """Raised when the system behind a block cannot be used; the message says why."""


def check_block(block: Block) -> str:
    """Make a real call with a block.

    Returns:
        What was found.

    Raises:
        CheckFailed: It does not work.
    """
    from prefect_sqlalchemy.database import SqlAlchemyConnector

    from databricks_blocks.sql_warehouse import SqlWarehouse
    from databricks_blocks.workspace.block import DatabricksWorkspace

    if isinstance(block, SqlAlchemyConnector):
        return _check_postgres(block) if has_copy(database_url(block)) else _check_database(block)
    if block.get_block_type_slug() in STAGING_BLOCKS:
        return _check_staging(block)
    if isinstance(block, DatabricksWorkspace):
        return _check_workspace(block)
    if isinstance(block, SqlWarehouse):
        return _check_warehouse(block)
    raise TypeError(f"There is no check of a {block.get_block_type_name()} block")


def _check_postgres(block: SqlAlchemyConnector) -> str:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    # The block itself waits minutes for a host that does not answer.
    engine = create_engine(
        database_url(block), poolclass=NullPool, connect_args={"connect_timeout": _SECONDS_TO_CONNECT}
    )
    try:
        with engine.connect() as connection:
            number, version, may_create = connection.exec_driver_sql(
                "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
                " has_database_privilege(current_database(), 'CREATE')"
            ).one()
    except DBAPIError as error:
        raise CheckFailed(_one_line(error.orig or error)) from error
    if number < _OLDEST_POSTGRES:
        raise CheckFailed(f"PostgreSQL {version} is too old: it takes 15 or newer")
    if not may_create:
        raise CheckFailed("the user must not create schemas: GRANT CREATE ON DATABASE … TO …")
    return f"PostgreSQL {version}"


def _check_database(block: SqlAlchemyConnector) -> str:
    from sqlalchemy.exc import SQLAlchemyError

    from databricks_blocks.database.sql import sql_transaction

    table, run = Table("table", {"x": Column("integer")}), f"check_{uuid4().hex}"
    try:
        with block:
            with sql_transaction(block, run) as transaction:
                transaction.create(table)
            with sql_transaction(block, run) as transaction:
                transaction.end_run()
            return f"{block.get_engine().dialect.name} takes and drops tables"
    except (SQLAlchemyError, ImportError) as error:
        raise CheckFailed(_one_line(getattr(error, "orig", None) or error)) from error


def _check_staging(block: Block) -> str:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from prefect_aws.s3 import S3Bucket

    try:
        if isinstance(block, S3Bucket):
            # Some storages make a bucket that is not there when something is put into it. Listing says what
            # is wrong; the answer to HEAD has no body to say it in.
            block.credentials.get_s3_client().list_objects_v2(Bucket=block.bucket_name, MaxKeys=1)
        area = staging_area(block, f"check-{uuid4()}")
        try:
            area.upload("object", lambda stream: stream.write(_CONTENT))
            with area.open("object") as stream:
                read = stream.read()
        finally:
            area.delete()
    except (Boto3Error, BotoCoreError, ClientError, OSError, ImportError, ValueError) as error:
        raise CheckFailed(_one_line(error)) from error
    place = area.uri().rpartition("/")[0]
    if read != _CONTENT:
        raise CheckFailed(f"{place} gives back something else than was put there")
    return f"{place} takes, gives and deletes objects"


def _check_workspace(block: DatabricksWorkspace) -> str:
    from databricks_blocks.workspace.block import workspace_client
    from databricks_blocks.workspace.reachable import check_answers

    try:
        check_answers(block.host)
        client = workspace_client(block, retry_seconds=_SECONDS_OF_RETRIES)
        with api_errors(block.host, "current user"):
            found = f"{client.current_user.me().user_name} at {block.host}"
        if block.pipes_folder:
            _check_messages(Pipes.through(block.pipes_folder), client)
    except (DatabricksJobError, ValueError) as error:
        raise CheckFailed(_one_line(error)) from error
    return f"{found}, messages through {block.pipes_folder}" if block.pipes_folder else found


def _check_messages(pipes: Pipes, client: WorkspaceClient) -> None:
    """Make a folder and a file in it as a flow does, and delete them."""
    channel, directory = open_channel(client, pipes), f"{pipes.folder}/check-{uuid4()}"
    channel.make(directory)
    try:
        channel.put(f"{directory}/file", _CONTENT)
    finally:
        channel.clean(directory)


def _check_warehouse(block: SqlWarehouse) -> str:
    from databricks_blocks.workspace.block import workspace_client
    from databricks_blocks.workspace.reachable import check_answers

    try:
        client = workspace_client(block.workspace, retry_seconds=_SECONDS_OF_RETRIES)
        check_answers(client.config.host)
        found = block.look(client)
    except (DatabricksJobError, ValueError) as error:
        raise CheckFailed(_one_line(error)) from error
    return f"{found.name} ({found.warehouse_id}) is {found.state}"


def _one_line(error: BaseException) -> str:
    # The SDK appends the configuration of the client, which is no part of the reason.
    return " ".join(str(error).partition(". Config: ")[0].split())
