"""Save the blocks that the flows use by default, made from environment variables."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from httpx import HTTPError
from prefect import get_client
from prefect.blocks.core import Block

from databricks_blocks.database.connection import DATABASE_BLOCK
from databricks_blocks.loading import blocks_named
from databricks_blocks.private_prefect import synchronous
from databricks_blocks.safe_text import printable
from databricks_blocks.setup.checks import CheckFailed, check_block
from databricks_blocks.setup.database_url import DatabaseUrlSettings
from databricks_blocks.setup.other_staging import RemoteSettings, VolumeSettings
from databricks_blocks.setup.settings import (
    BlockSettings,
    BucketSettings,
    DatabaseSettings,
    OneOf,
    SettingsError,
    WorkspaceSettings,
)
from databricks_blocks.setup.warehouse import WAREHOUSE_VARIABLES, WarehouseSettings
from databricks_blocks.sql_warehouse import WAREHOUSE_BLOCK
from databricks_blocks.staging.area import STAGING_BLOCK, STAGING_BLOCKS
from databricks_blocks.workspace.block import WORKSPACE_BLOCK

SETTINGS: dict[str, OneOf] = {
    DATABASE_BLOCK: OneOf((DatabaseSettings, DatabaseUrlSettings)),
    STAGING_BLOCK: OneOf((BucketSettings, VolumeSettings, RemoteSettings)),
    WORKSPACE_BLOCK: OneOf((WorkspaceSettings,)),
    WAREHOUSE_BLOCK: OneOf((WarehouseSettings,)),
}


@dataclass(frozen=True)
class Outcome:
    """How the registration of one block went.

    Attributes:
        name: Name of the block.
        kind: Its type.
        saved: Whether it works and was saved. A block that does not work is not saved: the stored one stays.
        detail: What the check found, or what is wrong.
    """

    name: str
    kind: str
    saved: bool
    detail: str


def register_from(environment: Mapping[str, str], names: Sequence[str] = ()) -> list[Outcome]:
    """Make the blocks from variables, check each by a real call, and save those that work.

    Args:
        environment: Environment variables.
        names: Names of the blocks. If left out: all, but for the SQL warehouse if no variable names one.
    """
    return [_register(name, environment) for name in names or _named_in(environment)]


def _named_in(environment: Mapping[str, str]) -> list[str]:
    has_warehouse = any(environment.get(variable) for variable in WAREHOUSE_VARIABLES)
    return [name for name in SETTINGS if has_warehouse or name != WAREHOUSE_BLOCK]


def _register(name: str, environment: Mapping[str, str]) -> Outcome:
    try:
        settings = SETTINGS[name].read(environment)
    except SettingsError as error:
        return Outcome(name, SETTINGS[name].kind, saved=False, detail=str(error))
    try:
        block = settings.block()
        found = check_block(block)
    except CheckFailed as error:
        return Outcome(name, settings.kind, saved=False, detail=_without(settings.secrets(), str(error)))
    _save(name, block)
    return Outcome(name, settings.kind, saved=True, detail=found)


def _without(secrets: Sequence[str], message: str) -> str:
    for secret in secrets:
        message = message.replace(secret, "***")
    return message


def register_blocks(settings: Mapping[str, BlockSettings]) -> None:
    """Save blocks in the Prefect server; blocks of the same names are replaced."""
    for name, values in settings.items():
        _save(name, values.block())


def _save(name: str, block: Block) -> None:
    synchronous(block.save)(name, overwrite=True)
    if block.get_block_type_slug() in STAGING_BLOCKS:
        _delete_others(name, block)


def _delete_others(name: str, block: Block) -> None:
    """Delete the staging blocks of other types under the same name, so that the name is unambiguous."""
    others = STAGING_BLOCKS.keys() - {block.get_block_type_slug()}
    with get_client(sync_client=True) as client:
        for slug, block_id in blocks_named(name).items():
            if slug in others:
                client.delete_block_document(block_id)


def fingerprint(settings: Mapping[str, BlockSettings]) -> str:
    """A hash that changes with every value and shows none of them."""
    values = {name: [repr(block), block.secrets()] for name, block in settings.items()}
    text = json.dumps([values, metadata.version("databricks-flows")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def are_registered() -> bool:
    """Whether the Prefect server has blocks under all of the names."""
    with get_client(sync_client=True) as client:
        found = {document.name for document in client.read_block_documents()}
    return found >= set(SETTINGS)


def register_and_print(names: Sequence[str] = ()) -> bool:
    """Register blocks from the environment and `.env`, and print a table of what works.

    Args:
        names: Names of the blocks; all by default.

    Returns:
        Whether all of them work.

    Raises:
        SettingsError: There is no block of that name, or the Prefect server cannot be used.
    """
    from dotenv import dotenv_values
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if unknown := set(names) - set(SETTINGS):
        raise SettingsError(f"no such block: {', '.join(sorted(unknown))}; there are {', '.join(SETTINGS)}")
    _ask_prefect()
    # The table says what the SDK would warn of.
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    from_file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    outcomes = register_from({**from_file, **os.environ}, names)
    table = Table("block", "type", "", box=None, pad_edge=False)
    table.add_column("", overflow="fold")
    for outcome in outcomes:
        state = "[green]saved" if outcome.saved else "[red]not saved"
        table.add_row(outcome.name, outcome.kind, state, escape(printable(outcome.detail)))
    Console().print(table, highlight=False)
    return all(outcome.saved for outcome in outcomes)


def _ask_prefect() -> None:
    """Make sure that the Prefect server can be used, before the blocks are checked."""
    try:
        with get_client(sync_client=True) as client:
            client.read_block_types()
    except (HTTPError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise SettingsError(
            f"the Prefect server cannot be used: {reason}; set PREFECT_API_URL and its login"
        ) from error
