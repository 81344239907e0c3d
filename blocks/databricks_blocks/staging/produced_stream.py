"""Read here, as a stream, what a function writes in another thread."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import IO, cast

# A driver writes row by row. With a smaller buffer, the two threads mostly wake each other up.
_WRITTEN_AT_ONCE = 1024 * 1024


def consume_what_is_written(write: Callable[[IO[bytes]], int], consume: Callable[[IO[bytes]], None]) -> int:
    """Let one function read what another one writes at the same time.

    If `write` fails, reading raises its error, so that `consume` never mistakes a part for the whole.

    Args:
        write: Gets the stream to write to, in a thread of its own.
        consume: Gets the stream to read from.

    Returns:
        What `write` returned.
    """
    read_end, write_end = os.pipe()
    with ThreadPoolExecutor(1, thread_name_prefix="produce") as executor:
        # In a copy of the context, which holds the settings and the run of the caller.
        produced = executor.submit(copy_context().run, _write_and_close, write, write_end)
        with ProducedStream(read_end, produced) as stream:
            consume(cast("IO[bytes]", stream))
    return produced.result()


def _write_and_close(write: Callable[[IO[bytes]], int], descriptor: int) -> int:
    with os.fdopen(descriptor, "wb", _WRITTEN_AT_ONCE) as stream:
        return write(stream)


class ProducedStream(io.RawIOBase):
    """The read end of a pipe. If the producer failed, it ends by raising the producer's error."""

    def __init__(self, descriptor: int, produced: Future[int]) -> None:
        self._pipe = os.fdopen(descriptor, "rb")
        self._produced = produced

    def readable(self) -> bool:
        """Tell `io` that this is a stream to read from."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, fewer only at the end."""
        data = self._pipe.read(size)
        if not data:
            self._produced.result()
        return data

    def close(self) -> None:
        """Close this end; the producer cannot write any more."""
        self._pipe.close()
        super().close()


def copy_stream(source: IO[bytes], target: IO[bytes]) -> int:
    """Write what a stream has into another one.

    Returns:
        The number of bytes.
    """
    size = 0
    while data := source.read(_WRITTEN_AT_ONCE):
        size += target.write(data)
    return size
