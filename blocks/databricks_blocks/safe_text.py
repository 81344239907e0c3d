"""Texts that are not ours, made safe to be shown: on a terminal, in a log, in Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
# Controls but tab and line feed; marks that turn the direction of a text; halves of surrogate pairs.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# What Markdown reads within a line (GitHub's: also bare addresses), and at the beginning of one.
_MARKDOWN = re.compile(
    r"[\\`*\[\]<>|~@]|(?<![^\W_])_|_(?![^\W_])|&(?=[#\w])|:(?=//)|(?<=www)\.|^[#+=-]", re.IGNORECASE
)
_NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")
_BACKTICKS = re.compile("`+")
_IN_A_LINK = "%/:?#[]@!$&'*+,;=~"
_SHORTEST_FENCE = 3
_LINES = str.maketrans({"\n": "␊", "\t": "␉"})


def printable(text: str, *, lines: bool = True) -> str:
    r"""Make a text safe to be printed.

    Escapes of a terminal can write to the clipboard, forge links and overwrite what stands there. Colours are
    left out. Any other control can be seen: `ESC` as `␛`, the others such as `\x9b` by their number.

    Python keeps the bytes of a file name that are not UTF-8 as surrogates (PEP 383), which cannot be encoded:
    a flow whose error holds one would stay in the state Running, as its end cannot be sent.

    Args:
        text: Any text.
        lines: Whether it may have several lines, and tabs; if not, they are seen, as `␊` and `␉`.

    Examples:
        >>> from databricks_blocks.safe_text import printable
        >>> printable("\x1b[31mred\x1b[0m and \x1b]52;c;ZXZpbA==\x07")
        'red and ␛]52;c;ZXZpbA==␇'
    """
    shown = _UNSEEN.sub(_seen, _COLOURS.sub("", text.replace("\r\n", "\n")))
    return shown if lines else shown.translate(_LINES)


def json_text(value: Any) -> str:
    """Write a value as JSON that is safe to be printed, and reads as the value itself."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str) -> str:
    """Make a text of sentences safe to be printed, in one line: line breaks are spaces."""
    return " ".join(printable(text).split())


def markdown_text(text: str) -> str:
    r"""Write a text in Markdown, in one line, so that it looks as it is, also in a cell of a table.

    Args:
        text: Any text. Images, links and HTML in it are not read as such.

    Examples:
        >>> from databricks_blocks.safe_text import markdown_text
        >>> print(markdown_text("a|b ![](http://x)"))
        a\|b !\[\](http\://x)
    """
    escaped = _MARKDOWN.sub(r"\\\g<0>", one_line(text))
    return _NUMBERED.sub(r"\1\\\2", escaped)


def markdown_code(text: str, language: str | None = None) -> str:
    """Write a text in Markdown as code.

    Args:
        text: Any text. Backticks in it do not end the code.
        language: Of a block of lines, which may be empty; `None`: in a line, not for a cell of a table.

    Examples:
        >>> from databricks_blocks.safe_text import markdown_code
        >>> print(markdown_code("a`b"))
        `` a`b ``
    """
    shown = one_line(text) if language is None else printable(text)
    longest = max(map(len, _BACKTICKS.findall(shown)), default=0)
    if language is not None:
        fence = "`" * max(longest + 1, _SHORTEST_FENCE)
        return f"{fence}{language}\n{shown}\n{fence}"
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{fence}{space}{shown}{space}{fence}"


def markdown_link(text: str, url: str) -> str:
    """Write a link in Markdown; only its text, if the address is none of the web.

    Args:
        text: Any text.
        url: Any address.
    """
    if not url.startswith(("https://", "http://")):
        return markdown_text(text)
    return f"[{markdown_text(text)}]({quote(printable(url), safe=_IN_A_LINK)})"


def markdown_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write rows for a table artifact of Prefect, whose UI reads texts in cells as Markdown.

    Args:
        rows: Rows with any texts.
    """
    return [
        {name: markdown_text(value) if isinstance(value, str) else value for name, value in row.items()}
        for row in rows
    ]


def _seen(found: re.Match[str]) -> str:
    number = ord(found[0])
    if number < 0x20:  # noqa: PLR2004 - the block of control pictures is in the order of the controls
        return chr(0x2400 + number)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"  # noqa: PLR2004 - as Python does
