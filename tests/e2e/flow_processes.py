"""Flow runs in processes of their own, that can be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from prefect import Flow, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL
from prefect.states import AwaitingRetry, Cancelling, Crashed

from .terminals import with_default_signals

ROOT = Path(__file__).parents[2]


def create_flow_run(called: Flow[..., Any], work_pool: str | None = None, **parameters: Any) -> UUID:
    """Create a flow run of a deployment of a flow, as the Run button does.

    Args:
        called: A flow of a module.
        work_pool: Where a worker takes the flow run from; without it the test starts the process.
        **parameters: Of the flow.
    """
    with get_client(sync_client=True) as client:
        deployment_id = client.create_deployment(
            client.create_flow(called),
            name=work_pool or "without a worker",
            path=str(ROOT),
            entrypoint=f"{called.fn.__module__}.{called.fn.__name__}",
            pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}],
            work_pool_name=work_pool,
        )
        given = called.serialize_parameters(parameters)
        return client.create_flow_run_from_deployment(deployment_id, parameters=given).id


def flow_run(flow_run_id: UUID) -> FlowRun:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(flow_run_id)


def logs_of(flow_run_id: UUID) -> list[str]:
    """The lines of the log of a flow run."""
    of_the_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        return [log.message for log in client.read_logs(log_filter=of_the_run, limit=200)]


def state_of(flow_run_id: UUID) -> str:
    state = flow_run(flow_run_id).state
    return state.type.value if state else ""


def prefect_environment() -> dict[str, str]:
    return {
        **os.environ,
        "PREFECT_API_URL": PREFECT_API_URL.value(),
        "PREFECT_API_AUTH_STRING": PREFECT_API_AUTH_STRING.value(),
        "PREFECT_LOGGING_LEVEL": "WARNING",
    }


@contextmanager
def flow_process(flow_run_id: UUID) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs a flow run, as a worker starts it."""
    process = subprocess.Popen(
        with_default_signals([sys.executable, "-m", "prefect.engine", str(flow_run_id)]),
        cwd=ROOT,
        env=prefect_environment(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def press_retry(flow_run_id: UUID) -> None:
    """Retry a flow run whose process is gone, as the Retry button does once a worker has seen that."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run_id, Crashed(message="Process exited with status code -9"))
        client.set_flow_run_state(flow_run_id, AwaitingRetry())


def run(flow_run_id: UUID, seconds: float = 60) -> str:
    """Run a flow run to its end, for so many seconds at most; the state in which it ended."""
    with flow_process(flow_run_id) as process:
        process.wait(seconds)
    return state_of(flow_run_id)


@contextmanager
def worker(work_pool: str) -> Iterator[psutil.Popen]:
    """A process worker of a work pool of its own."""
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=work_pool, type="process"), overwrite=True)
    command = ["worker", "start", "--pool", work_pool, "--type", "process"]
    process = psutil.Popen(
        with_default_signals([sys.executable, "-m", "prefect", *command]),
        cwd=ROOT,
        env={
            **prefect_environment(),
            "PREFECT_LOGGING_LEVEL": "INFO",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        },
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            left = [*process.children(recursive=True), process]
            process.terminate()
            _, alive = psutil.wait_procs(left, timeout=10)
            for one in alive:
                one.kill()


def cancel(flow_run_id: UUID) -> None:
    """Cancel a flow run, as the Cancel button does."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run_id, Cancelling())


def kill(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal, and wait for the end of the process."""
    process.send_signal(number)
    process.wait(30)
