"""Loading stored blocks from plain code, whatever runs around it."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from prefect.blocks.core import Block

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
