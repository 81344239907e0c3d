"""Patterns of LIKE in the names of tables."""

import re
import time

import pytest
from databricks_local.routes.catalog.tables import like


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("%", "", True),
        ("a%", "abc", True),
        ("a%", "ba", False),
        ("%b%d", "abcd", True),
        ("%%%", "x", True),
        ("a_c", "abc", True),
        ("a_c", "ac", False),
        ("a.c", "abc", False),
        ("a*c", "abc", False),
        ("[ab]%", "a", False),
        ("[ab]%", "[ab]c", True),
        ("a\\%", "a\\b", True),
        ("%\n", "a\n", True),
        ("!?*", "!?*", True),
    ],
)
def test_patterns(pattern: str, name: str, fits: bool) -> None:
    assert bool(re.fullmatch(like(pattern), name)) is fits


@pytest.mark.parametrize(
    "pattern", ["%a" * 10 + "%b", "%a" * 200 + "%b", "%" * 2_000 + "b", "%_" * 100 + "%b"]
)
def test_a_pattern_of_many_percent_signs_is_decided_at_once(pattern: str) -> None:
    compiled = re.compile(like(pattern), re.IGNORECASE)
    begin = time.process_time()
    assert not compiled.fullmatch("a" * 255)
    assert time.process_time() - begin < 1
