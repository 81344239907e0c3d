"""The encoding of a CSV file: found by its content, and read as a stream of UTF-8."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from databricks_blocks.csv.faults import InputError

WESTERN = "cp1252"
_READ_AT_ONCE = 256 * 1024
_LONGEST_LINE = 10_000
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    # The longer marks first: the one of UTF-32 begins with the one of UTF-16.
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_UNDECODABLE = "databricks_blocks.undecodable"
# Signs where another encoding has letters: `£ódz` and `Wroc³aw` are Łódź and Wrocław in cp1250.
_SIGN_IN_A_WORD = re.compile(r"[^\W\d_][¹³¿£¥¼¾¤¦¨¬¯¸][^\W\d_]|£[^\W\d_]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_FEW = 3


def _marked(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


# A name of its own, so it changes nothing for others in the process.
codecs.register_error(_UNDECODABLE, _marked)


def encoding_of_beginning(beginning: bytes) -> str | None:
    """Find the encoding of a file by its beginning.

    Returns:
        An encoding of Unicode; `None` if it is none of them.
    """
    for mark, encoding in _MARKS.items():
        if beginning.startswith(mark):
            return encoding
    # Excel and others write UTF-16 without a mark, too: every second byte of a header is zero.
    first = beginning[:64]
    for encoding, zeros, others in (
        ("utf-16-le", first[1::2], first[::2]),
        ("utf-16-be", first[::2], first[1::2]),
    ):
        if any(others) and not any(zeros) and all(others[: len(zeros)]):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return None
    return "utf-8"


def not_utf_8_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file that are not UTF-8; of a longer line 10,000 bytes at a time."""
    with path.open("rb") as stream:
        while line := stream.readline(_LONGEST_LINE):
            if line.isascii():
                continue
            try:
                # A character may be cut where a long line is.
                codecs.getincrementaldecoder("utf-8")().decode(line)
            except UnicodeDecodeError:
                yield line


def encoding_of_other_texts(path: Path, lines: Sequence[bytes]) -> str:
    """Find the encoding of lines that are not UTF-8: the Western European one, or it has to be named.

    Short texts do not tell more: in `cp1250` and `cp1252`, the same bytes are letters of different languages.
    Greek, Cyrillic and Asian texts are told from Western ones by words without ASCII letters.

    Args:
        path: The file, for the message.
        lines: Some of its lines.

    Raises:
        InputError: They are not Western European.
    """
    sample = b"".join(lines)
    try:
        text = sample.decode(WESTERN)
    except UnicodeDecodeError:
        text = ""
    runs = _NOT_ASCII.findall(text)
    foreign = sum(len(run) for run in runs if len(set(run)) >= _FEW)
    if not text or _SIGN_IN_A_WORD.search(text) or 2 * foreign > sum(map(len, runs)):
        raise InputError(
            f"{path}: not UTF-8, and not Western European; name its encoding, such as cp1250 or cp1251, "
            "or save it as UTF-8"
        )
    return WESTERN


class DecodedFile(io.RawIOBase):
    """A file of any encoding, read as UTF-8; what cannot be decoded is not UTF-8 here either."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(_UNDECODABLE)
        self._ready = b""
        self._at_start = True

    def readable(self) -> bool:
        """Tell `io` that this is a stream to read from."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes; none at the end."""
        more = True
        while more and not self._ready:
            data = self._stream.read(_READ_AT_ONCE)
            more = bool(data)
            text = self._decoder.decode(data, final=not more)
            if self._at_start and text:
                text, self._at_start = text.removeprefix("\ufeff"), False
            self._ready = text.encode("utf-8", "surrogatepass")
        end = size if size >= 0 else len(self._ready)
        data, self._ready = self._ready[:end], self._ready[end:]
        return data

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()
