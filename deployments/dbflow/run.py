"""`dbflow run`: a pipeline on the local stack."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from databricks_local.jobs.engines import SPARK

from dbflow.local.endpoints import PIPES_VOLUME, STAGING_VOLUME
from dbflow.local.engine import install_engine, refuse_without_tables
from dbflow.local.environment import command_environment, replace_environment
from dbflow.pipelines.pipeline import Pipeline, Result
from dbflow.pipelines.renewable import RenewableRun

if TYPE_CHECKING:
    from dbflow.interrupts import Interrupts
    from dbflow.local.endpoints import PrefectEndpoint, StackEndpoints
    from dbflow.local.stack import LocalStack
    from dbflow.terminal import StepBars


WORK_POOL = "databricks-flows"
_SECONDS_TO_SEND = 10.0


def run_on_stack(
    pipeline: Pipeline[Result],
    stack: LocalStack,
    bars: StepBars,
    interrupts: Interrupts,
    *,
    keep: bool,
    engine: str | None = None,
) -> Result:
    """Start what is not up, run the flows of a pipeline, and stop what was started.

    Raises:
        StackError: A part of the stack cannot be started.
        InputError: A file cannot be used.
        DatabricksJobError: The Databricks run ended without success.
        Interrupted: A signal told the command to end. The Databricks run is cancelled, its files are removed.
    """
    try:
        endpoints = start(stack, bars.service, engine, pipeline.libraries)
        if pipeline.needs_tables:
            refuse_without_tables(endpoints.engine)
        with using_prefect(endpoints.prefect):
            prepare(endpoints, stack.root, bars.service)
            if keep:
                stack.keep()
            try:
                return interrupts.run(pipeline.work(bars))
            finally:
                send_what_is_queued()
    finally:
        with interrupts.finishing():
            stack.release()


def start(
    stack: LocalStack,
    progress: Callable[[str, str], None],
    engine: str | None = None,
    libraries: Sequence[str] = RenewableRun.libraries,
) -> StackEndpoints:
    """Start what is not up, and import meanwhile what a flow needs: the slowest service keeps one core busy.

    Args:
        stack: The stack.
        progress: Told the service and what it is doing.
        engine: What has to run Spark; None takes what is up.
        libraries: Modules that are imported meanwhile.

    Raises:
        StackError: A part of the stack cannot be started, or it is up with another engine.
    """
    # In the environment as the user has it: pip may need a proxy.
    install_engine(engine, progress)
    stack.make_directory()
    isolate_prefect(stack)
    with ThreadPoolExecutor(1) as importing:
        imported = importing.submit(_import, libraries)
        endpoints = stack.start(progress=progress, engine=engine)
        imported.result()
    return endpoints


def _import(libraries: Sequence[str]) -> None:
    """Import what a flow needs without looking for garbage meanwhile, which takes a sixth longer."""
    gc.disable()
    try:
        for name in libraries:
            import_module(name)
    finally:
        gc.freeze()
        gc.enable()


def isolate_prefect(stack: LocalStack) -> None:
    """Give Prefect, which is not imported yet, the stack's home, and nothing that the user set for others.

    Prefect reads its settings when it is imported; `using_prefect` adds the server, once it has a port.
    """
    replace_environment(os.environ, {**command_environment(os.environ), **stack.prefect_home()})
    # The log of a run is in the Prefect UI; the terminal shows its progress.
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"


@contextmanager
def using_prefect(server: PrefectEndpoint) -> Iterator[None]:
    """Use the stack's Prefect server inside the block, in this process and in those that it starts."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    os.environ["PREFECT_API_URL"], os.environ["PREFECT_API_AUTH_STRING"] = server.api_url, server.auth_string
    with temporary_settings({PREFECT_API_URL: server.api_url, PREFECT_API_AUTH_STRING: server.auth_string}):
        yield


def prepare(endpoints: StackEndpoints, root: Path, progress: Callable[[str, str], None]) -> None:
    """Make what a run needs: blocks that point at the stack, notebooks in its workspace, and a work pool."""
    from databricks_blocks.setup.register import SETTINGS, are_registered, fingerprint, register_blocks
    from databricks_blocks.setup.settings import WorkspaceSettings
    from databricks_flows.renewable.notebook_job import NOTEBOOK_DIRECTORY

    from dbflow.notebooks import import_notebooks, make_volume

    progress("blocks and notebooks", "registering")
    variables = endpoints.variables()
    client = WorkspaceSettings.read(variables).block().workspace_client()
    if endpoints.engine == SPARK:
        make_volume(client, STAGING_VOLUME)
    make_volume(client, PIPES_VOLUME)
    settings = {name: kind.read(variables) for name, kind in SETTINGS.items()}
    # Beside the database that holds the blocks, so that the two come and go together.
    registered = root / "prefect" / "registered"
    print_of_settings = fingerprint(settings)
    if (
        not registered.exists()
        or registered.read_text(encoding="utf-8") != print_of_settings
        or not are_registered()
    ):
        register_blocks(settings)
        registered.write_text(print_of_settings, encoding="utf-8")
    import_notebooks(client, NOTEBOOK_DIRECTORY)
    _make_work_pool()
    progress("blocks and notebooks", "ready")


def _make_work_pool() -> None:
    from prefect import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists

    # The first worker that polls it brings the template of its jobs.
    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name=WORK_POOL, type="process"))


def send_what_is_queued() -> None:
    """Send the logs and events that Prefect still holds, before the server stops."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=_SECONDS_TO_SEND)
