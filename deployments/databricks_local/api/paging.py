"""Pages of long answers. Pure."""

import bisect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from databricks_local.api.bodies import Json
from databricks_local.api.errors import invalid_parameter

MAX_PAGE = 1_000
"""Docs: values above 1000 are coerced to 1000."""

PAGE_SIZE = 100
"""Elements of each array in one answer of `runs/get` and `jobs/get` (2.2)."""


T = TypeVar("T")

_BORDER = re.compile(r"(after|before)-([0-9]{1,18})-([0-9]{1,18})")
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


@dataclass(frozen=True)
class Listed(Generic[T]):
    """A page of a list that grows at its beginning.

    Attributes:
        items: What is on it.
        older: The token of the page after it; empty if there is none.
        newer: The token of the page before it; empty if there is none.
    """

    items: list[T]
    older: str
    newer: str


def newest_first(
    items: Iterable[T], key: Callable[[T], tuple[int, int]], limit: int, token: str, offset: int = 0
) -> Listed[T]:
    """A page of items, the newest first.

    A token names the item that it begins after, not a position: what is new meanwhile moves nothing.

    Args:
        items: The items, in any order.
        key: When an item came, and its place among those of the same time.
        limit: How many there are on a page.
        token: The token of the page; empty for the one that the offset says.
        offset: How many items to leave out; what versions before 2.2 had.
    """
    ordered = sorted(items, key=key, reverse=True)
    start = offset
    if token:
        side, border = _read_border(token)
        start = bisect.bisect_left(ordered, _negative(border), key=lambda item: _negative(key(item)))
        if side == "before":
            start, limit = max(start - limit, 0), min(start, limit)
        elif start < len(ordered) and key(ordered[start]) == border:
            start += 1
    page = ordered[start : start + limit]
    more_after = page and start + limit < len(ordered)
    return Listed(
        page,
        _border("after", key(page[-1])) if more_after else "",
        _border("before", key(page[0])) if page and start else "",
    )


def listing_json(name: str, shown: Sequence[Json], page: Listed[T]) -> Json:
    """The answer with a page of a list; an empty list is an answer without the field."""
    answer: Json = {"has_more": bool(page.older)}
    if shown:
        answer[name] = list(shown)
    if page.older:
        answer["next_page_token"] = page.older
    if page.newer:
        answer["prev_page_token"] = page.newer
    return answer


def _border(side: str, key: tuple[int, int]) -> str:
    return f"{side}-{key[0]}-{key[1]}"


def _read_border(token: str) -> tuple[str, tuple[int, int]]:
    match = _BORDER.fullmatch(token)
    if match is None:
        raise invalid_parameter(f"Invalid page token: {token[:100]}")
    return match[1], (int(match[2]), int(match[3]))


def _negative(key: tuple[int, int]) -> tuple[int, int]:
    return -key[0], -key[1]


def page_of(
    items: list[Any], name: Callable[[Any], str], size: int, token: str, maximum: int = MAX_PAGE
) -> tuple[list[Any], str]:
    """A page of items that are sorted by name, and the token of the next page: the last name on this one."""
    if size < 0:
        raise invalid_parameter("The size of a page must not be negative.")
    rest = [item for item in items if not token or name(item) > token]
    page = rest[: min(size or maximum, maximum)]
    return page, name(page[-1]) if len(page) < len(rest) else ""
