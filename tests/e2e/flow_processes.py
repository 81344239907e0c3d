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

from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL
from prefect.states import AwaitingRetry, Crashed, Pending

from blocks.databricks.job_spec import JobSpecification
from blocks.databricks.run_policy import RunPolicy

from .outer_flow import outer

ROOT = Path(__file__).parents[2]
ENTRYPOINT = f"{Path(__file__).with_name('outer_flow.py')}:outer"


def create_flow_run(job: JobSpecification, policy: RunPolicy) -> UUID:
    """Create a flow run of `outer` that no process runs yet."""
    with get_client(sync_client=True) as client:
        parameters = outer.serialize_parameters({"job": job, "policy": policy})
        return client.create_flow_run(outer, parameters=parameters, state=Pending()).id


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


def kill(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> int:
    """Send a signal, and wait for the end of the process; its exit status."""
    process.send_signal(number)
    return process.wait(30)
