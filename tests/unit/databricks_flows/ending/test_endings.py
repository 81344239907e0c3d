"""How a flow run ends when it does not succeed."""

from __future__ import annotations

import asyncio

import pytest
from databricks_flows.ending.endings import Ending, ending_of
from prefect.exceptions import TerminationSignal

CANCEL = asyncio.CancelledError()


@pytest.mark.parametrize(
    ("error", "terminated", "deployed", "cancel_requested", "ending"),
    [
        (ValueError("an ordinary error"), False, True, False, Ending.FAILED),
        (ValueError("an ordinary error"), True, True, False, Ending.FAILED),
        (TimeoutError(), False, False, False, Ending.FAILED),
        (CANCEL, True, True, False, Ending.CRASHED),
        (TerminationSignal(15), True, True, False, Ending.CRASHED),
        (CANCEL, True, True, True, Ending.CANCELLED),
        (CANCEL, True, False, False, Ending.CANCELLED),
        (CANCEL, False, True, False, Ending.CANCELLED),
        (CANCEL, False, False, False, Ending.CANCELLED),
        (KeyboardInterrupt(), False, True, False, Ending.CANCELLED),
        (SystemExit(1), False, True, False, Ending.CANCELLED),
    ],
)
def test_the_ending(
    error: BaseException, terminated: bool, deployed: bool, cancel_requested: bool, ending: Ending
) -> None:
    decided = ending_of(error, terminated=terminated, deployed=deployed, cancel_requested=cancel_requested)
    assert decided is ending
