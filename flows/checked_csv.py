"""A CSV file on its way into a database, watched for what the database reads otherwise than we do."""

from __future__ import annotations

import codecs
import io
import re
from pathlib import Path

# A quote may stand where PostgreSQL begins a quoted part and others do not, and from version 16 on it takes
# 0x10 and 1_000 for numbers (docs: numeric constants). That need not be wrong: it has to be looked at.
_SUSPICIOUS = re.compile(rb'"|(?:^|[,\n\r])[ \t]*[+-]?(?:0[xXoObB]|[0-9.]+_)')
_OVERLAP = 64


class CheckedCsv(io.RawIOBase):
    """The bytes of a CSV file without byte order mark.

    Attributes:
        suspicious: Whether anything has come by that has to be checked record by record.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._last = b""
        self.suspicious = False
        if self._file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            self._file.seek(0)

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes."""
        data = self._file.read(size)
        if not self.suspicious:
            self.suspicious = _SUSPICIOUS.search(self._last + data) is not None
            self._last = data[-_OVERLAP:]
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
