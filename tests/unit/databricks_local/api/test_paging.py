"""Pages of lists that grow at their beginning."""

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.api.paging import Listed, newest_first

Item = tuple[int, int]


def page(items: list[Item], token: str = "", limit: int = 2, offset: int = 0) -> Listed[Item]:
    return newest_first(items, lambda item: item, limit, token, offset)


ITEMS = [(10, 1), (20, 2), (20, 3), (30, 4), (40, 5)]


def test_all_pages_and_back() -> None:
    first = page(ITEMS)
    assert (first.items, first.newer) == ([(40, 5), (30, 4)], "")
    second = page(ITEMS, first.older)
    assert second.items == [(20, 3), (20, 2)]
    third = page(ITEMS, second.older)
    assert (third.items, third.older) == ([(10, 1)], "")
    assert page(ITEMS, third.newer) == second
    assert page(ITEMS, second.newer) == first


def test_what_begins_meanwhile_comes_on_no_page_twice() -> None:
    first = page(ITEMS)
    grown = [*ITEMS, (40, 6), (50, 7)]
    second = page(grown, first.older)
    assert second.items == [(20, 3), (20, 2)]
    assert page(grown, page(grown, second.older).newer) == second
    # Before the first page there are new items now.
    assert page(grown, second.newer).items == [(40, 5), (30, 4)]
    assert page(grown, page(grown, second.newer).newer).items == [(50, 7), (40, 6)]


def test_what_is_deleted_meanwhile_moves_nothing() -> None:
    first = page(ITEMS)
    shrunk = [item for item in ITEMS if item != (30, 4)]
    assert page(shrunk, first.older).items == [(20, 3), (20, 2)]


def test_an_offset_is_a_position() -> None:
    assert page(ITEMS, offset=3).items == [(20, 2), (10, 1)]
    assert page(ITEMS, offset=9) == Listed([], "", "")


@pytest.mark.parametrize(
    "token", ["x", "after-1", "after-1-x", "from-20", "after--1-2", "before-1-2-3", "after-٣-1"]
)
def test_tokens_that_no_answer_had(token: str) -> None:
    with pytest.raises(ApiError, match="Invalid page token"):
        page(ITEMS, token)
