"""What cannot be bound is quoted, or refused."""

from __future__ import annotations

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_blocks.sql.texts.quoting import name_parts, quoted_name, quoted_table, text_literal


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("plants", "`plants`"),
        ("elt.plants", "`elt`.`plants`"),
        ("main.my-schema.über uns", "`main`.`my-schema`.`über uns`"),
        ("main.elt.`a.b``c`", "`main`.`elt`.`a.b``c`"),
        ("plants; DROP TABLE plants", "`plants; DROP TABLE plants`"),
        ("plants' OR 1=1 --", "`plants' OR 1=1 --`"),
        ("1", "`1`"),
    ],
)
def test_a_table_is_quoted_whatever_it_is_called(name: str, quoted: str) -> None:
    assert quoted_table(name) == quoted


@pytest.mark.parametrize(
    "name",
    ["", ".", "a.", ".a", "a..b", "a.b.c.d", "a`b", "`a", "`a`b", "a.`b", "``", "a\nb", "a\x00", "x" * 256],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        quoted_table(name)


def test_a_backtick_cannot_end_a_name() -> None:
    assert quoted_name("a`; DROP TABLE b; --") == "`a``; DROP TABLE b; --`"
    assert name_parts(quoted_name("a`; DROP TABLE b; --")) == ("a`; DROP TABLE b; --",)


@pytest.mark.parametrize(
    ("text", "literal"),
    [("", "''"), ("a", "'a'"), ("it's", r"'it\'s'"), ("\\", r"'\\'"), ("\\'", r"'\\\''"), ("a\nb", "'a\nb'")],
)
def test_a_text_cannot_end_its_literal(text: str, literal: str) -> None:
    assert text_literal(text) == literal


@pytest.mark.parametrize("text", ["a\x00b", "\udcff"])
def test_what_no_literal_can_hold_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="has a character that SQL does not take"):
        text_literal(text)
