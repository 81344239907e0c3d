"""Flow runs in processes of their own, that can be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psutil
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL
from prefect.states import AwaitingRetry, Cancelling, Crashed

from blocks.databricks.job_spec import JobSpecification
from blocks.databricks.run_policy import RunPolicy

from .outer_flow import outer

ROOT = Path(__file__).parents[2]
ENTRYPOINT = f"{Path(__file__).with_name('outer_flow.py')}:outer"


def create_flow_run(job: JobSpecification, policy: RunPolicy, work_pool: str | None = None) -> UUID:
    """Create a flow run of a deployment of `outer`, as the Run button does.

    Args:
        job: A parameter of the flow.
        policy: Likewise.
        work_pool: Where a worker takes the flow run from; without it the test starts the process.
    """
    with get_client(sync_client=True) as client:
        deployment_id = client.create_deployment(
            client.create_flow(outer),
            name=work_pool or "without a worker",
            path=str(ROOT),
            entrypoint=ENTRYPOINT,
            pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}],
            work_pool_name=work_pool,
        )
        parameters = outer.serialize_parameters({"job": job, "policy": policy})
        return client.create_flow_run_from_deployment(deployment_id, parameters=parameters).id


def flow_run(flow_run_id: UUID) -> FlowRun:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(flow_run_id)


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
        [sys.executable, "-m", "prefect.engine", str(flow_run_id)],
        cwd=ROOT,
        env={**prefect_environment(), "PREFECT__FLOW_ENTRYPOINT": ENTRYPOINT},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def run_again(flow_run_id: UUID, *, crash_was_noticed: bool = True) -> str:
    """Run a flow run again whose process is gone, to its end; the state in which it ended.

    Args:
        flow_run_id: The flow run.
        crash_was_noticed: Whether a worker saw the process go and somebody pressed Retry; otherwise another
            worker picks up a flow run that still counts as running.
    """
    if crash_was_noticed:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(flow_run_id, Crashed(message="Process exited with status code -9"))
            client.set_flow_run_state(flow_run_id, AwaitingRetry())
    with flow_process(flow_run_id) as process:
        process.wait(60)
    return state_of(flow_run_id)


@contextmanager
def worker(work_pool: str) -> Iterator[psutil.Process]:
    """A process worker of a work pool of its own."""
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=work_pool, type="process"), overwrite=True)
    command = ["worker", "start", "--pool", work_pool, "--type", "process"]
    process = psutil.Popen(
        [sys.executable, "-m", "prefect", *command],
        cwd=ROOT,
        env={**prefect_environment(), "PREFECT_WORKER_QUERY_SECONDS": "1"},
    )
    try:
        yield process
    finally:
        left = [*process.children(recursive=True), process]
        process.terminate()
        _, alive = psutil.wait_procs(left, timeout=10)
        for one in alive:
            one.kill()


def flow_processes_of(worker: psutil.Process) -> list[psutil.Process]:
    """The processes that run flow runs for a worker."""
    return [child for child in worker.children(recursive=True) if "prefect.engine" in child.cmdline()]


def cancel(flow_run_id: UUID) -> None:
    """Cancel a flow run, as the Cancel button does."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run_id, Cancelling())


def kill(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal, and wait for the end of the process."""
    process.send_signal(number)
    process.wait(30)
