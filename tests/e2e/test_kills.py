"""Whatever is killed, in whatever step of an analysis: one Databricks run, the right values, nothing left.

CI takes a part; the mark `matrix` has the others. At the end, a line tells of each cell.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pandas as pd
import psutil
import psycopg2
import pytest
from databricks.sdk.service.jobs import BaseRun
from databricks_blocks.loading import load_block
from databricks_flows.renewable.analysis import renewable_analysis
from databricks_flows.sweep.flow import sweep_leftovers
from dbflow.local.stack import LocalStack
from dbflow.run import send_what_is_queued
from prefect import get_client
from prefect_aws.s3 import S3Bucket

from .conftest import ImportNotebook, Stack, running_stack, until
from .faulty_storage import Exchange, FaultyStorage, faulty_storage
from .flow_processes import create_flow_run, flow_run, press_retry, state_of, worker
from .matrix import cases
from .notebook_results import NOTEBOOKS
from .test_crash import waiting_for
from .test_killed_analysis import HOLD, WAITS, is_running
from .test_renewable_analysis import COLUMNS, expected

COUNTRIES = ["Peru", "Switzerland"]
POOL = "killed"
BUCKET = "behind-a-proxy"
SECONDS = 240
SERVICES = {"postgres": "postgres", "storage": "storage", "workspace": "databricks", "Prefect": "prefect"}
SHARED = "SELECT entity, code, year, solar, hydro, wind, shw FROM renewable_share ORDER BY entity, year"
IN_PLACE = ["shw.csv", "shw.png"]


@dataclass(frozen=True)
class Hold:
    """A step at which the flow is held.

    Attributes:
        is_held: Whether it has come there.
        release: Lets it go on. It may be called when what holds it has been killed.
    """

    is_held: Callable[[], bool]
    release: Callable[[], None]


class Workers:
    """A worker, and another one after it when it is gone."""

    def __init__(self, started: ExitStack) -> None:
        self._started = started
        self.process = started.enter_context(worker(POOL))

    @property
    def is_up(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def ensure(self) -> None:
        """Start another one, as a person would, if this one is gone."""
        if not self.is_up:
            self.process = self._started.enter_context(worker(POOL))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for this module: what is killed here is missed by no other test."""
    send_what_is_queued()
    with running_stack(tmp_path_factory.mktemp("killed")) as stack:
        yield stack


@pytest.fixture(scope="module")
def workers(stack: Stack) -> Iterator[Workers]:
    with ExitStack() as started:
        yield Workers(started)


@pytest.fixture(scope="module")
def storage(stack: Stack) -> Iterator[FaultyStorage]:
    """The storage, reached through a proxy that holds requests."""
    with faulty_storage(stack.endpoints.s3.endpoint_url) as storage:
        bucket = load_block(S3Bucket, "staging").model_copy(deep=True)
        bucket.credentials.aws_client_parameters.endpoint_url = storage.url  # type: ignore[union-attr]
        bucket._block_document_id = bucket._block_document_name = None
        bucket.save(BUCKET, overwrite=True, _sync=True)  # type: ignore[call-arg]
        yield storage


@dataclass
class Cell:
    """One cell of the matrix: a flow run in which something is killed.

    Attributes:
        killed: What is killed.
        step: The step in which the flow is held meanwhile.
        first: State in which the first try ends.
        retry: State in which the retry ends; empty: there is none.
        kept: How many things are left before the sweep.
        left: What is left after it.
        runs: The Databricks runs, as they ended, with the attempts at each task.
    """

    stack: Stack
    storage: FaultyStorage
    workers: Workers
    folder: Path
    killed: str
    step: str
    flow_run_id: UUID = field(init=False)
    first: str = "?"
    retry: str = ""
    kept: int | str = "?"
    left: list[str] | None = None
    runs: list[str] = field(default_factory=list)

    def start(self, notebook: ImportNotebook) -> None:
        """Let the worker start the analysis; its second notebook waits in the step `notebooks`."""
        directory = "/Shared/databricks-flows"
        if self.step == "notebooks":
            code = {name: (NOTEBOOKS / f"{name}.py").read_text() for name in ("join_data", "transform_data")}
            waits = f"open({str(self.folder / 'waits')!r}, 'w').close()\n{waiting_for(self.folder / 'go')}"
            notebook("join_data", code["join_data"])
            path = notebook("transform_data", f"{waits}\n\n# COMMAND ----------\n\n{code['transform_data']}")
            directory = path.removesuffix("/transform_data")
        self.flow_run_id = create_flow_run(
            renewable_analysis,
            POOL,
            countries=COUNTRIES,
            output_directory=str(self.output),
            launch="run_now",
            notebook_directory=directory,
            bucket=BUCKET,
        )

    @property
    def output(self) -> Path:
        return self.folder / "out"

    def processes(self) -> list[psutil.Process]:
        """The process of the flow run, if it is there."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("PREFECT__FLOW_RUN_ID") == str(self.flow_run_id):
                    found.append(process)
        return found

    def kill(self) -> None:
        """Kill it, without a chance to say anything."""
        if self.killed == "worker":
            self.workers.kill()
            return
        if self.killed == "flow process":
            processes = self.processes()
        else:
            found = {service.name: service.pid for service in self.local.status()}
            processes = [psutil.Process(found[SERVICES[self.killed]])]
        assert processes
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, 30)

    def start_again(self) -> None:
        """Start what was killed, as a person would."""
        assert self.local.start() == self.stack.endpoints
        if self.killed == "worker":
            self.workers.ensure()

    @property
    def local(self) -> LocalStack:
        return LocalStack(self.stack.directory / ".dbflow")

    def try_once(self) -> str:
        """Wait until the process of the flow run has ended; the state of the flow run then."""
        until(lambda: not self.processes(), SECONDS)
        if self.killed != "worker":
            # Whoever finds the process gone says so.
            until(self.has_ended, SECONDS)
        return state_of(self.flow_run_id)

    def has_ended(self) -> bool:
        state = flow_run(self.flow_run_id).state
        return state is not None and (state.is_final() or not self.workers.is_up)

    def retry_it(self) -> None:
        """Press Retry, and wait for the end.

        After a crash, a worker runs the hooks of the flow, which takes seconds, and then tells once more that
        it has crashed. This takes the place of a Retry that was pressed meanwhile: it is pressed again.
        """
        self.workers.ensure()
        before = flow_run(self.flow_run_id).run_count
        while not self.is_taken():
            press_retry(self.flow_run_id)
            until(lambda: self.is_taken() or self.has_ended(), SECONDS)
        until(lambda: flow_run(self.flow_run_id).run_count > before, SECONDS)
        until(lambda: self.has_ended() and not self.processes(), SECONDS)
        self.retry = state_of(self.flow_run_id)

    def is_taken(self) -> bool:
        """Whether a worker has taken the retry."""
        with get_client(sync_client=True) as client:
            states = client.read_flow_run_states(self.flow_run_id)
        names = [state.name for state in sorted(states, key=lambda state: state.timestamp)]
        pressed = [number for number, name in enumerate(names) if name == "AwaitingRetry"]
        return bool(pressed) and "Pending" in names[pressed[-1] :]

    def leftovers(self) -> list[str]:
        """What the flow run has left in all places."""
        mine = (self.flow_run_id.hex, str(self.flow_run_id))
        folders = [path.name for path in self.output.iterdir() if path.name.startswith(".")]
        names = [name for name in self.stack.left_behind() if any(part in name for part in mine)]
        active = self.stack.databricks().jobs.list_runs(active_only=True)
        return [*names, *folders, *(f"run {run.run_id}" for run in active)]

    def sweep(self) -> None:
        self.kept = len(self.leftovers())
        folders = [str(self.output)]
        asyncio.run(sweep_leftovers(output_directories=folders, keep_after_failure=0, cancelling_minutes=0))
        self.left = self.leftovers()

    def __str__(self) -> str:
        left = "?" if self.left is None else len(self.left)
        return (
            f"{self.step:13}{self.killed:14}first try {self.first:10} retry {self.retry or '-':10} "
            f"left {self.kept}, after the sweep {left}   Databricks {'; '.join(self.runs) or 'no run'}"
        )


@contextmanager
def at_request(cell: Cell, method: str, part: str, after: int = 0) -> Iterator[Hold]:
    """Hold requests to the storage before they are passed on."""
    over = threading.Event()

    def hold(exchange: Exchange) -> None:
        over.wait(SECONDS)
        exchange.pass_on()

    fault = cell.storage.add(method, part, hold, times=100, after=after)
    try:
        yield Hold(lambda: fault.applied > 0, over.set)
    finally:
        over.set()
        cell.storage.faults.remove(fault)


@contextmanager
def at_statement(cell: Cell, tag: str, event: str = "ddl_command_end") -> Iterator[Hold]:
    """Hold each statement of a kind, after it was executed and before it is committed.

    The event `sql_drop` comes only if there was something to drop.
    """
    holding = psycopg2.connect(**vars(cell.stack.endpoints.postgres))
    holding.autocommit = True
    holding.cursor().execute("SELECT pg_advisory_lock(6)")
    holding.cursor().execute(HOLD.format(tag=tag, event=event))
    try:
        yield Hold(lambda: bool(cell.stack.query(WAITS)), holding.close)
    finally:
        holding.close()
        cell.stack.query("DROP EVENT TRIGGER hold; DROP FUNCTION hold")


@contextmanager
def in_notebook(cell: Cell) -> Iterator[Hold]:
    """Let the second notebook wait."""
    go = cell.folder / "go"
    try:
        yield Hold((cell.folder / "waits").exists, go.touch)
    finally:
        go.touch()


@contextmanager
def at_chart(cell: Cell) -> Iterator[Hold]:
    """Hold the process that draws the chart."""
    stopped: list[psutil.Process] = []

    def is_held() -> bool:
        if not stopped:
            children = [child for process in cell.processes() for child in process.children()]
            charts = [one for one in children if one.cmdline()[-1:] == ["databricks_flows.renewable.chart"]]
            stopped.extend(charts)
            for process in charts:
                process.suspend()
        return bool(stopped) and is_running(cell.flow_run_id, "create_graph")

    def release() -> None:
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.resume()

    try:
        yield Hold(is_held, release)
    finally:
        release()


@contextmanager
def at_clean_up(cell: Cell) -> Iterator[Hold]:
    """Hold the removal of the tables, and that of the files, which comes after that of the intake files."""
    with (
        at_statement(cell, "DROP SCHEMA", "sql_drop") as tables,
        at_request(cell, "POST", "?delete", 1) as files,
    ):

        def release() -> None:
            tables.release()
            files.release()

        yield Hold(lambda: files.is_held() and tables.is_held(), release)


STEPS: dict[str, Callable[[Cell], AbstractContextManager[Hold]]] = {
    "before load": lambda cell: at_request(cell, "PUT", "/begun"),
    "load": lambda cell: at_statement(cell, "CREATE TABLE"),
    "export": lambda cell: at_request(cell, "PUT", "/country_subset/"),
    "notebooks": in_notebook,
    "load_result": lambda cell: at_request(cell, "GET", "/transformed_data/"),
    "chart": at_chart,
    "clean-up": at_clean_up,
}
KILLED = (*SERVICES, "flow process", "worker")
CELLS = {f"{killed} in {step}": (step, killed) for step in STEPS for killed in KILLED}
IN_CI = (
    "storage in export",
    "workspace in notebooks",
    "worker in notebooks",
    "flow process in clean-up",
)


@pytest.fixture
def cell(
    stack: Stack,
    storage: FaultyStorage,
    workers: Workers,
    tmp_path: Path,
    what: tuple[str, str],
    record_property: Callable[[str, object], None],
) -> Iterator[Cell]:
    step, killed = what
    cell = Cell(stack, storage, workers, tmp_path, killed, step)
    cell.local.start()
    workers.ensure()
    cell.output.mkdir()
    stack.query("DROP TABLE IF EXISTS renewable_share")
    yield cell
    for process in cell.processes():
        process.kill()
    record_property("line", str(cell))


def runs_of_workspace(stack: Stack) -> dict[int, BaseRun]:
    return {run.run_id: run for run in stack.databricks().jobs.list_runs(expand_tasks=True) if run.run_id}


def described(run: BaseRun) -> str:
    """A run with the last attempt at each of its tasks."""
    result = run.state.result_state.value if run.state and run.state.result_state else "not ended"
    attempts = {task.task_key: (task.attempt_number or 0) + 1 for task in run.tasks or ()}
    return f"{result} {' '.join(f'{key} x{count}' for key, count in sorted(attempts.items()))}"


@cases("what", CELLS, *IN_CI)
def test_what_is_killed_costs_at_most_a_retry(cell: Cell, notebook: ImportNotebook, stack: Stack) -> None:
    before = runs_of_workspace(stack)
    with STEPS[cell.step](cell) as hold:
        cell.start(notebook)
        until(hold.is_held, SECONDS)
        cell.kill()
        hold.release()
        cell.start_again()
        cell.first = cell.try_once()
        if cell.first != "COMPLETED":
            cell.retry_it()
    runs = [run for run_id, run in runs_of_workspace(stack).items() if run_id not in before]
    cell.runs = [described(run) for run in runs]
    cell.sweep()
    assert cell.retry in ("", "COMPLETED")
    assert len(runs) == 1
    assert cell.left == []
    assert sorted(path.name for path in cell.output.iterdir()) == IN_PLACE
    table = pd.read_csv(cell.output / "shw.csv", keep_default_na=False, na_values=[""])
    shared = pd.DataFrame(stack.query(SHARED), columns=COLUMNS)
    for found in (table[COLUMNS], shared):
        pd.testing.assert_frame_equal(found, expected(COUNTRIES), check_dtype=False, rtol=1e-12)
