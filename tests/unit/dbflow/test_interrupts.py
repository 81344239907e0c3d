"""How a command ends by a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from dbflow.interrupts import Interrupted, Interrupts

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    """Handlers as in a shell, whatever the tests were started with."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "exit_code"), SIGNALS.items())
def test_a_signal_ends_the_command_and_a_second_one_leaves_its_clean_up_alone(
    number: signal.Signals, exit_code: int
) -> None:
    interrupts, cleaned_up = Interrupts(), []

    def command() -> None:
        try:
            send(number)
        finally:
            send(number)
            with interrupts.finishing():
                send(signal.SIGTERM)
            cleaned_up.append(True)

    with pytest.raises(Interrupted) as interrupted, interrupts.noticing():
        command()
    send(number)  # also after the block, until the process has ended
    assert (interrupted.value.exit_code, cleaned_up) == (exit_code, [True])


@pytest.mark.parametrize(("number", "exit_code"), SIGNALS.items())
def test_a_signal_cancels_the_flow_which_cleans_up(number: signal.Signals, exit_code: int) -> None:
    interrupts, seen = Interrupts(), []

    async def flow() -> None:
        asyncio.get_running_loop().call_soon(send, number)
        try:
            await asyncio.sleep(600)
        finally:
            send(number)
            await asyncio.sleep(0.01)
            seen.append("cleaned up")

    with pytest.raises(Interrupted) as interrupted, interrupts.noticing():
        interrupts.run(flow())
    assert (interrupted.value.exit_code, seen) == (exit_code, ["cleaned up"])


def test_without_a_signal_nothing_changes() -> None:
    interrupts = Interrupts()

    async def flow(error: Exception | None) -> str:
        if error is not None:
            raise error
        return "result"

    with interrupts.noticing():
        assert interrupts.run(flow(None)) == "result"
        with pytest.raises(ValueError, match="its own"):
            interrupts.run(flow(ValueError("its own")))
        with interrupts.finishing():
            send(signal.SIGTERM)
    assert all(signal.getsignal(number) is signal.SIG_DFL for number in SIGNALS)


def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interrupts().noticing():
        send(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_the_module_is_imported_where_there_is_no_hangup_as_on_windows() -> None:
    program = "import signal; del signal.SIGHUP; import dbflow.interrupts as module; print(module._SIGNALS)"
    printed = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert printed.count("<Signals.") == 2
