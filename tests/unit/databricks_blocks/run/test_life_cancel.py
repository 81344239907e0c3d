"""A cancel ends what was launched, whenever it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import Any, cast

import anyio
import pytest
import requests
from databricks_blocks.errors import DatabricksRunCancelled, DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.run.repair_policy import NewSettings
from databricks_blocks.run.snapshot import RunSnapshot

from .fake_workspace import FakeWorkspace
from .life_lab import ENDED_BADLY, chain, life_of, policy, results, run_async, told

ON_DEMAND = {"aws_attributes": {"availability": "ON_DEMAND"}}
SPOT_LOST = "SPOT_INSTANCE_TERMINATION: the machine was taken away"
SECONDS_BEFORE_A_TEST_FAILS = 20


@pytest.fixture
def workspace() -> FakeWorkspace:
    workspace = FakeWorkspace()
    workspace.default_seconds = 3600
    return workspace


def cancelled(
    workspace: FakeWorkspace, arrange: Callable[[Callable[[], None]], None], **options: Any
) -> RunSnapshot | None:
    """Live until the arranged cancel comes, then cancel what was launched; the run as it ended."""

    async def live() -> RunSnapshot | None:
        loop = asyncio.get_running_loop()
        heard = Event()
        life = life_of(workspace, **options)
        living = asyncio.create_task(life.to_the_end())

        def cancel() -> None:
            """Cancel during a call, and let the call go on once the cancel has arrived."""
            loop.call_soon_threadsafe(living.cancel)
            assert heard.wait(SECONDS_BEFORE_A_TEST_FAILS)

        arrange(cancel)
        try:
            await living
        except asyncio.CancelledError:
            heard.set()
        else:
            raise AssertionError("the cancel never came")
        return await life.cancel()

    return cast("RunSnapshot | None", run_async(live()))


def answering(workspace: FakeWorkspace, endpoint: str, cancel: Callable[[], None]) -> Callable[[], Any]:
    """Cancel while an endpoint works, and answer afterwards."""

    def happen() -> tuple[int, dict[str, str], str]:
        body = workspace.calls[-1].body
        cancel()
        return workspace._answer(endpoint, body)

    return happen


@pytest.mark.parametrize(("launch", "endpoint"), [("submit", "runs/submit"), ("run_now", "run-now")])
def test_a_cancel_during_the_launch_leaks_no_run(
    workspace: FakeWorkspace, launch: str, endpoint: str
) -> None:
    cancelled(
        workspace,
        lambda cancel: workspace.fail(endpoint, answering(workspace, endpoint, cancel)),
        job=chain(launch),
    )
    assert len(workspace.runs) == 1
    assert workspace.active == []


@pytest.mark.parametrize("heard", [True, False])
def test_a_cancel_after_the_answer_to_the_launch_was_lost_leaks_no_run(
    workspace: FakeWorkspace, heard: bool
) -> None:
    workspace.fail("runs/submit", 500, after=heard)
    before = workspace.time.asleep
    pauses: list[float] = []

    async def cancel_in_the_first_pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            asyncio.current_task().cancel()
        await before(seconds)

    workspace.time.asleep = cancel_in_the_first_pause
    cancelled(workspace, lambda _: None)
    assert len(workspace.runs) == heard, "a cancel launches nothing"
    assert workspace.active == []
    assert len(workspace.called("runs/cancel")) == len(workspace.runs)


def test_a_cancel_while_watching_ends_the_run(workspace: FakeWorkspace) -> None:
    ended = cancelled(
        workspace, lambda cancel: workspace.fail("runs/get", answering(workspace, "runs/get", cancel))
    )
    assert workspace.active == []
    assert ended is not None
    assert results(ended) == {"join": "CANCELED", "plot": "CANCELED"}


@pytest.mark.parametrize("blip", [500, 503, requests.ConnectionError("reset")])
def test_a_blip_does_not_lose_the_cancel(workspace: FakeWorkspace, blip: object) -> None:
    workspace.fail("runs/cancel", blip, blip)
    cancelled(workspace, lambda cancel: workspace.fail("runs/get", answering(workspace, "runs/get", cancel)))
    assert workspace.active == []


def test_a_workspace_that_is_away_is_told(workspace: FakeWorkspace) -> None:
    workspace.fail("runs/cancel", 500, count=-1)
    with pytest.raises(DatabricksUnreachable):
        cancelled(
            workspace, lambda cancel: workspace.fail("runs/get", answering(workspace, "runs/get", cancel))
        )


@pytest.mark.parametrize("shown_after", [0.0, 5.0, 60.0])
def test_a_cancel_while_the_repair_is_asked_for_ends_the_repair(
    workspace: FakeWorkspace, shown_after: float
) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    workspace.repair_shown_after = shown_after
    cancelled(
        workspace,
        lambda cancel: workspace.fail("runs/repair", answering(workspace, "runs/repair", cancel)),
        job=chain("run_now"),
    )
    assert len(workspace.called("runs/repair")) == 1
    assert workspace.active == []


def test_a_cancel_before_the_run_in_place_of_the_repair_is_known_ends_it(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    workspace.fail("runs/submit", lambda: workspace._answer("runs/submit", workspace.calls[-1].body))
    cancelled(
        workspace,
        lambda cancel: workspace.fail("runs/submit", answering(workspace, "runs/submit", cancel)),
    )
    assert len(workspace.runs) == 2
    assert workspace.active == []


def test_a_cancel_in_the_wait_before_a_repair_asks_for_none(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [ENDED_BADLY]}
    before = workspace.time.asleep

    async def cancel_in_the_wait(seconds: float) -> None:
        if seconds == 599.5:
            asyncio.current_task().cancel()
        await before(seconds)

    workspace.time.asleep = cancel_in_the_wait
    cancelled(
        workspace,
        lambda _: None,
        job=chain("run_now"),
        wishes=policy(wait_seconds=599.5),
    )
    assert workspace.called("runs/repair") == []


def test_a_cancel_gives_the_job_its_settings_back(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [SPOT_LOST]}
    cancelled(
        workspace,
        lambda cancel: workspace.fail("runs/repair", answering(workspace, "runs/repair", cancel)),
        job=chain("run_now"),
        wishes=policy(new_settings=(NewSettings(cluster=ON_DEMAND),)),
    )
    (job,) = workspace.jobs.values()
    assert job["settings"] == workspace.called("create")[0].body
    assert len(workspace.called("reset")) == 2


def test_a_time_out_by_a_scope_of_anyio_gives_the_job_its_settings_back_too(
    workspace: FakeWorkspace,
) -> None:
    """Prefect's time-outs are such scopes; they cancel every wait again."""
    workspace.outcomes = {"plot": [SPOT_LOST]}

    async def live() -> None:
        loop = asyncio.get_running_loop()
        heard = Event()
        with anyio.CancelScope() as scope:

            def cancel() -> None:
                loop.call_soon_threadsafe(scope.cancel)
                loop.call_soon_threadsafe(loop.call_later, 0.05, heard.set)
                assert heard.wait(SECONDS_BEFORE_A_TEST_FAILS)

            workspace.fail("runs/repair", answering(workspace, "runs/repair", cancel))
            wishes = policy(new_settings=(NewSettings(cluster=ON_DEMAND),))
            await life_of(workspace, chain("run_now"), wishes=wishes).to_the_end()
        assert scope.cancelled_caught

    run_async(live())
    (job,) = workspace.jobs.values()
    assert job["settings"] == workspace.called("create")[0].body


def test_settings_that_cannot_be_restored_do_not_hide_the_cancel(workspace: FakeWorkspace) -> None:
    workspace.outcomes = {"plot": [SPOT_LOST]}
    workspace.fail("reset", lambda: workspace._answer("reset", workspace.calls[-1].body))
    workspace.fail("reset", 500, count=-1)
    cancelled(
        workspace,
        lambda cancel: workspace.fail("runs/repair", answering(workspace, "runs/repair", cancel)),
        job=chain("run_now"),
        wishes=policy(new_settings=(NewSettings(cluster=ON_DEMAND),)),
    )
    assert workspace.active == []


def test_a_cancel_of_what_was_never_launched_asks_for_nothing(workspace: FakeWorkspace) -> None:
    run_async(life_of(workspace).cancel())
    assert workspace.calls == []


def test_a_cancel_after_a_refused_launch_launches_nothing(workspace: FakeWorkspace) -> None:
    workspace.fail("runs/submit", (400, '{"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}'))

    async def live() -> None:
        life = life_of(workspace)
        with pytest.raises(DatabricksRunRefused):
            await life.to_the_end()
        await life.cancel()

    run_async(live())
    assert workspace.runs == {}


def test_a_run_that_a_person_cancels_is_no_success_and_not_repaired(workspace: FakeWorkspace) -> None:
    def by_a_person() -> None:
        (run,) = workspace.runs.values()
        run.cancelled_at = workspace.time.now

    with pytest.raises(DatabricksRunCancelled):
        run_async(life_of(workspace, chain("run_now"), notes=told(by_a_person)()).to_the_end())
    assert workspace.called("runs/repair") == []
