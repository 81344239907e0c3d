"""Loading stored blocks from plain code, whatever runs around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast
from uuid import UUID

from prefect import get_client
from prefect.blocks.core import Block
from prefect.utilities.importtools import from_qualified_name

from .errors import BlockNotFound

AnyBlock = TypeVar("AnyBlock", bound=Block)


def load_block(kind: type[AnyBlock], name: str) -> AnyBlock:
    """Load a stored block, synchronously.

    Args:
        kind: Class of the block.
        name: Name that it was saved under.

    Raises:
        BlockNotFound: The Prefect server has no such block.
    """
    # Without _sync, the same call gives a coroutine when any async code is around it.
    load = cast(Any, kind).load
    try:
        return cast(AnyBlock, load(name, _sync=True))
    except ValueError as error:
        raise BlockNotFound(
            f"The Prefect server has no block `{name}` of type `{kind.get_block_type_slug()}`; "
            "save one under that name, or give the flow another name."
        ) from error


def load_one_of(kinds: Mapping[str, str], name: str) -> Block:
    """Load a stored block that may be of several types; its name tells which one it is.

    Args:
        kinds: Qualified names of classes, by the slug of their type.
        name: Name that it was saved under, or `TYPE_SLUG/NAME`.

    Raises:
        BlockNotFound: The Prefect server has no such block, or several of that name.
    """
    slug, _, plain = name.rpartition("/")
    slugs = [slug] if slug else [found for found in blocks_named(plain) if found in kinds]
    if len(slugs) == 1 and slugs[0] in kinds:
        kind: type[Block] = from_qualified_name(kinds[slugs[0]])
        return load_block(kind, plain)
    if len(slugs) > 1:
        choices = " or ".join(f"`{found}/{plain}`" for found in sorted(slugs))
        raise BlockNotFound(f"The Prefect server has several blocks `{plain}`; name one as {choices}.")
    raise BlockNotFound(
        f"The Prefect server has no block `{name}` of a type among {', '.join(kinds)}; "
        "save one under that name, or give the flow another name."
    )


def blocks_named(name: str) -> dict[str, UUID]:
    """Find the stored blocks of a name: their ids, by the slug of their type."""
    with get_client(sync_client=True) as client:
        answer = client.request(
            "POST", "/block_documents/filter", json={"block_documents": {"name": {"any_": [name]}}}
        )
    return {document["block_type"]["slug"]: UUID(document["id"]) for document in answer.json()}
