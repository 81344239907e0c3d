"""Names of catalogs, schemas and tables."""

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.catalog.names import HIVE, checked, parts_of
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("full_name", "parts"),
    [
        ("main.default.T", ("main", "default", "t")),
        ("`Main`.`a.b`.`c``d`", ("main", "a.b", "c`d")),
        ("a", ("a",)),
        ("", ("",)),
        ("a..b", ("a", "", "b")),
        ("`a", ("`a",)),
        ("`a`b.c", ("`a`b", "c")),
    ],
)
def test_parts(full_name: str, parts: tuple[str, ...]) -> None:
    assert parts_of(full_name) == parts


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_quoted_parts_come_back(parts: list[str]) -> None:
    quoted = ".".join("`{}`".format(part.replace("`", "``")) for part in parts)
    assert parts_of(quoted) == tuple(part.lower() for part in parts)


@pytest.mark.parametrize("name", ["a b", "a.b", "a/b", "a\tb", "", "``", "n" * 256, "a\x00", "a\u202e"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(ApiError, match="is not a valid name"):
        checked(name, "main")


@pytest.mark.parametrize("name", ["with-hyphen", "größe", "表"])
def test_hive_has_plain_names(name: str) -> None:
    assert checked(name.upper(), "main") == name.upper().lower()
    with pytest.raises(ApiError, match="is not a valid name"):
        checked(name, HIVE)
    assert checked("Plain_1", HIVE) == "plain_1"
