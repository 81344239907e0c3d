"""Names and values that cannot be bound, written so that they are nothing but names and values. Pure."""

from __future__ import annotations

import re

from databricks_blocks.csv.faults import InputError

LONGEST_NAME = 255
"""Characters of a name in Unity Catalog (docs: Names)."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PART = r"`((?:[^`]|``)+)`|([^`.]+)"
_NAME = re.compile(rf"(?:{_PART})(?:\.(?:{_PART})){{0,2}}")


def quoted_name(*parts: str) -> str:
    """Write the name of a catalog, schema, table or column in backticks.

    Args:
        *parts: Its parts, such as catalog, schema and table. A period in a part is part of the name.

    Raises:
        InputError: A part is empty, too long, or has a line break or another control character.

    Examples:
        >>> quoted_name("main", "my-schema", "a`b; DROP TABLE c")
        '`main`.`my-schema`.`a``b; DROP TABLE c`'
    """
    for part in parts:
        if not part or len(part) > LONGEST_NAME or _CONTROL.search(part):
            fault = "empty" if not part else "too long" if len(part) > LONGEST_NAME else "not printable"
            raise InputError(f"the name `{part[:40]}` is {fault}; give one of 1 to {LONGEST_NAME} characters")
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def name_parts(name: str) -> tuple[str, ...]:
    """Read the name of a table, as a person writes it: parts with periods between them.

    A part may be in backticks, and has to be if it holds a period or a backtick.

    Args:
        name: Such as `elt.plants`, `main.my-schema.plants` or `` main.elt.`a.b` ``.

    Raises:
        InputError: It is none.

    Examples:
        >>> name_parts("main.my-schema.`a.b``c`")
        ('main', 'my-schema', 'a.b`c')
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"`{name[:80]}` is not the name of a table: give table, schema.table or catalog.schema.table, and"
            " put a part that holds a period or a backtick in backticks"
        )
    return tuple(quoted.replace("``", "`") or plain for quoted, plain in re.findall(_PART, name))


def quoted_table(name: str) -> str:
    """Write the name of a table, as a person writes it, in backticks.

    Args:
        name: As for `name_parts`.

    Raises:
        InputError: It is none.

    Examples:
        >>> quoted_table("elt.plants; DROP TABLE elt.plants2")
        '`elt`.`plants; DROP TABLE elt`.`plants2`'
    """
    return quoted_name(*name_parts(name))


def text_literal(text: str) -> str:
    r"""Write a text as a literal of SQL.

    Args:
        text: Any text.

    Raises:
        InputError: It has a character that no literal can hold.

    Examples:
        >>> print(text_literal("it's a \\"))
        'it\'s a \\'
    """
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError(f"the text {text[:40]!r} has a character that SQL does not take")
    # Not by doubling the quote, which old runtimes read as two texts beside each other, without a quote.
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
