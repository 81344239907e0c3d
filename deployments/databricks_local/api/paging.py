"""Pages of long answers. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from databricks_local.api.bodies import Json
from databricks_local.api.errors import invalid_parameter

MAX_PAGE = 1_000
"""Docs: values above 1000 are coerced to 1000."""

PAGE_SIZE = 100
"""Elements of each array in one answer of `runs/get` and `jobs/get` (2.2)."""


_PAGE_TOKEN = re.compile(r"from-([0-9]{1,12})")


Arrays = dict[str, tuple[Sequence[Any], Callable[[Any], Json]]]
"""The arrays of an answer: the elements, and what shows one of them."""


@dataclass(frozen=True)
class Page:
    """The wanted part of the arrays of an answer.

    Attributes:
        offset: The first element of each array.
        limit: How many elements of each array there are on a page; None for all, as before 2.2.
    """

    offset: int = 0
    limit: int | None = None


def paged(arrays: Arrays, page: Page) -> Json:
    """One page of arrays. An array that is exhausted comes back empty."""
    end = None if page.limit is None else page.offset + page.limit
    shown: Json = {
        name: [show(item) for item in items[page.offset : end]] for name, (items, show) in arrays.items()
    }
    if end is not None and any(len(items) > end for items, _ in arrays.values()):
        shown["next_page_token"] = page_token(end)
    return shown


def page_token(offset: int) -> str:
    """The token for the page that starts at an element."""
    return f"from-{offset}"


def read_page_token(token: str) -> int:
    """The element at which the page of a token starts; no token is the first page."""
    if not token:
        return 0
    match = _PAGE_TOKEN.fullmatch(token)
    if match is None:
        raise invalid_parameter(f"Invalid page token: {token[:100]}")
    return int(match[1])


def page_of(
    items: list[Any], name: Callable[[Any], str], size: int, token: str, maximum: int = MAX_PAGE
) -> tuple[list[Any], str]:
    """A page of items that are sorted by name, and the token of the next page: the last name on this one."""
    if size < 0:
        raise invalid_parameter("The size of a page must not be negative.")
    rest = [item for item in items if not token or name(item) > token]
    page = rest[: min(size or maximum, maximum)]
    return page, name(page[-1]) if len(page) < len(rest) else ""
