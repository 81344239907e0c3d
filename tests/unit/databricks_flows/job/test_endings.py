"""How a flow run ends."""

from __future__ import annotations

import asyncio

import pytest
from databricks_flows.job.endings import Ending, ending_of
from prefect.exceptions import TerminationSignal

TERMINATED = TerminationSignal(signal=15)


@pytest.mark.parametrize(
    ("error", "terminated", "deployed", "cancel_requested", "ending"),
    [
        (ValueError(), False, True, False, Ending.FAILED),
        (ValueError(), True, True, True, Ending.FAILED),
        (TimeoutError(), False, False, False, Ending.FAILED),
        (TERMINATED, True, True, False, Ending.CRASHED),
        (asyncio.CancelledError(), True, True, False, Ending.CRASHED),
        (TERMINATED, True, True, True, Ending.CANCELLED),
        (TERMINATED, True, False, False, Ending.CANCELLED),
        (asyncio.CancelledError(), False, True, False, Ending.CANCELLED),
        (KeyboardInterrupt(), False, True, False, Ending.CANCELLED),
    ],
)
def test_the_ending(
    error: BaseException, terminated: bool, deployed: bool, cancel_requested: bool, ending: Ending
) -> None:
    found = ending_of(error, terminated=terminated, deployed=deployed, cancel_requested=cancel_requested)
    assert found is ending
