"""What counts as a number, in a column whose type is declared and in one whose type is inferred."""

from __future__ import annotations

import re

import pytest
from databricks_blocks.csv.faults import at, delimiter_fault, duplicate_fault, has_undecoded_bytes
from databricks_blocks.csv.forms import DECLARED_FORMS, INFERRED_FORMS, between_blanks, is_finite, is_integer


@pytest.mark.parametrize(
    ("text", "declared", "inferred"),
    [
        ("7", True, True),
        ("-7", True, True),
        (" 7\t", True, True),
        ("+7", True, False),
        ("007", True, False),
        ("1_000", False, False),
        ("0x10", False, False),
        ("7.0", False, False),
        ("٣", False, False),
        ("", False, False),
    ],
)
def test_a_whole_number(text: str, declared: bool, inferred: bool) -> None:
    field = text.encode()
    assert (re.fullmatch(between_blanks(DECLARED_FORMS["integer"]), field) is not None) is declared
    assert (re.fullmatch(between_blanks(INFERRED_FORMS["bigint"]), field) is not None) is inferred
    assert is_integer(text) is declared


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("2147483647", True),
        ("-2147483648", True),
        ("2147483648", False),
        ("-2147483649", False),
        ("0" * 5000 + "7", True),
        ("9" * 5000, False),
    ],
)
def test_a_whole_number_has_32_bits(text: str, fits: bool) -> None:
    assert is_integer(text) is fits


@pytest.mark.parametrize(
    ("text", "finite"),
    [
        ("1.", True),
        (".5", True),
        ("+1e-3", True),
        ("1e400", False),
        ("inf", False),
        ("NaN", False),
        (".", False),
        ("1e", False),
    ],
)
def test_a_number_is_finite(text: str, finite: bool) -> None:
    assert is_finite(text) is finite


def test_a_fault_names_line_and_column() -> None:
    assert at(3, "empty") == ", line 3: empty"
    assert at(3, "empty", "Year") == ", line 3, column `Year`: empty"


def test_what_can_be_wrong_with_a_header() -> None:
    assert delimiter_fault(["a;b"]) == "the fields are separated by semicolons; save it with commas"
    assert delimiter_fault(["a;b", "c"]) is None
    assert duplicate_fault(["a", "b", "a"]) == "column `a` occurs 2 times"
    assert duplicate_fault(["a", "b"]) is None
    assert has_undecoded_bytes(b"Per\xfa".decode("utf-8", "surrogateescape"))
    assert not has_undecoded_bytes("Perú")
