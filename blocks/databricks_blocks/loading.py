"""Load stored blocks synchronously, in sync and in async code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast
from uuid import UUID

from prefect import get_client
from prefect.blocks.core import Block
from prefect.utilities.importtools import from_qualified_name

from databricks_blocks.errors import BlockNotFound, BlockTypeNotInstalled
from databricks_blocks.private_prefect import synchronous

AnyBlock = TypeVar("AnyBlock", bound=Block)


def load_block(kind: type[AnyBlock], name: str) -> AnyBlock:
    """Load a stored block, synchronously.

    Args:
        kind: Class of the block.
        name: Name that it was saved under.

    Raises:
        BlockNotFound: The Prefect server has no such block.
    """
    try:
        return synchronous(cast("Callable[[str], AnyBlock]", kind.load))(name)
    except ValueError as error:
        raise BlockNotFound(
            f"The Prefect server has no block `{name}` of type `{kind.get_block_type_slug()}`; "
            "save one under that name, or give the flow another name."
        ) from error


@dataclass(frozen=True)
class BlockClass:
    """A class of blocks, which is imported only when a block of it is loaded.

    Attributes:
        name: Its qualified name.
        extra: The extra of this package that installs it; empty: it is always installed.
    """

    name: str
    extra: str = ""


def load_one_of(kinds: Mapping[str, BlockClass], name: str) -> Block:
    """Load a stored block that may have one of several types; the stored name decides.

    Args:
        kinds: Classes, by the slug of their type.
        name: Name that it was saved under, or `TYPE_SLUG/NAME`.

    Raises:
        BlockNotFound: The Prefect server has no such block, or several of that name.
        BlockTypeNotInstalled: The extra for blocks of this type is not installed.
    """
    slug, _, plain = name.rpartition("/")
    slugs = [slug] if slug else [found for found in blocks_named(plain) if found in kinds]
    if len(slugs) == 1 and slugs[0] in kinds:
        return load_block(_imported(slugs[0], kinds[slugs[0]]), plain)
    if len(slugs) > 1:
        choices = " or ".join(f"`{found}/{plain}`" for found in sorted(slugs))
        raise BlockNotFound(f"The Prefect server has several blocks `{plain}`; name one as {choices}.")
    raise BlockNotFound(
        f"The Prefect server has no block `{name}` of a type among {', '.join(kinds)}; "
        "save one under that name, or give the flow another name."
    )


def _imported(slug: str, kind: BlockClass) -> type[Block]:
    try:
        return cast("type[Block]", from_qualified_name(kind.name))
    except ModuleNotFoundError as error:
        if not kind.extra:
            raise
        raise BlockTypeNotInstalled(
            f"Blocks of type `{slug}` need an extra: pip install 'databricks-flows[{kind.extra}]'"
        ) from error


def blocks_named(name: str) -> dict[str, UUID]:
    """Find the stored blocks of a name: their ids, by the slug of their type."""
    with get_client(sync_client=True) as client:
        answer = client.request(
            "POST", "/block_documents/filter", json={"block_documents": {"name": {"any_": [name]}}}
        )
    return {document["block_type"]["slug"]: UUID(document["id"]) for document in answer.json()}
