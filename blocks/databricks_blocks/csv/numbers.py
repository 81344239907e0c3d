"""Find out whether the numbers of a CSV file have decimal commas or decimal points."""

from __future__ import annotations

import re

_LONGEST_NUMBER = 256


class DecimalEvidence:
    """What the numbers of a file tell about its decimals.

    `1,5` has a decimal comma and `1.5` a decimal point. `1,234` tells nothing: its comma may be a decimal one
    or separate thousands.
    """

    def __init__(self, delimiter: str) -> None:
        """Begin without evidence.

        Args:
            delimiter: What separates the fields of the file.
        """
        ends = re.escape(delimiter).encode() + rb'\r\n"'
        # Not 1,234, which may be a thousand.
        number = rb"-?(?![1-9][0-9]{0,2}[.,][0-9]{3}[ \t]*[" + ends + rb"])[0-9]{1,50}%b[0-9]{1,150}"
        field = rb"(?<=[" + ends + rb"])[ \t]*" + number + rb"[ \t]*(?=[" + ends + rb"])"
        self._comma, self._point = (re.compile(field.replace(b"%b", mark)) for mark in (b",", rb"\."))
        self._rest = b"\n"
        self._commas = self._points = False

    def add(self, part: bytes) -> bool:
        """Look at the next part of the file; an empty one is its end.

        Returns:
            Whether the rest of the file can change nothing.
        """
        data = self._rest + part
        self._commas = self._commas or self._comma.search(data) is not None
        self._points = self._points or self._point.search(data) is not None
        self._rest = data[-_LONGEST_NUMBER:]
        return self._points

    @property
    def decimal(self) -> str:
        """The decimal comma if only it was seen, else the decimal point."""
        # The last line may have no line end.
        commas = self._commas or self._comma.search(self._rest + b"\n") is not None
        points = self._points or self._point.search(self._rest + b"\n") is not None
        return "," if commas and not points else "."
