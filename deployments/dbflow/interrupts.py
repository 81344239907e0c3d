"""How a command ends by Ctrl-C, SIGTERM, SIGHUP or a closed terminal: it cancels, cleans up, and stops."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

Result = TypeVar("Result")

# A terminal that is closed sends SIGHUP, which Windows does not have.
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(KeyboardInterrupt):
    """A signal told the command to end.

    Attributes:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell reports of a process that the signal ended: 130, 143 or 129."""
        return 128 + self.number


class Interrupts:
    """Ends a command at the first signal. The ones after it are ignored: the clean-up goes on to its end."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._finishing = False
        self._flow: asyncio.Task[Any] | None = None

    @contextmanager
    def noticing(self) -> Iterator[None]:
        """Handle the signals inside the block. One that is ignored, as by `nohup`, stays so.

        After a signal this goes on until the process has ended.
        """
        before = {
            number: handler
            for number in _SIGNALS
            if (handler := signal.getsignal(number)) is not signal.SIG_IGN
        }
        for number in before:
            signal.signal(number, self._handle)
        try:
            yield
        finally:
            if self._number is None:
                for number, handler in before.items():
                    signal.signal(number, handler)

    def run(self, flow: Coroutine[Any, Any, Result]) -> Result:
        """Run a flow to its end. A signal cancels it, and this waits until it has cleaned up.

        Raises:
            Interrupted: A signal arrived.
        """
        try:
            return asyncio.run(self._cancellable(flow))
        except BaseException as error:
            if self._number is not None:
                raise Interrupted(self._number) from error
            raise

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Ignore signals inside the block, which ends the command anyway."""
        self._finishing = True
        yield

    async def _cancellable(self, flow: Coroutine[Any, Any, Result]) -> Result:
        self._flow = asyncio.current_task()
        try:
            return await flow
        finally:
            self._flow = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._number is not None or self._finishing:
            return
        self._number = number
        if self._flow is None:
            raise Interrupted(number)
        self._flow.get_loop().call_soon_threadsafe(self._flow.cancel)
