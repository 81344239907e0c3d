"""The code of the forked processes: a notebook, or a program; and what those of Spark servers share with it.

Each is the leader of its own process group and ends itself, with all that it started, when the workspace's
server is gone, however that went.
"""

import contextlib
import faulthandler
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import psutil

from databricks_local.execution.channel import Channel
from databricks_local.execution.mounts import Mounts, enter
from databricks_local.jobs.programs import arguments_of
from databricks_local.jobs.specs import ProgramSpec, PythonWheelSpec
from databricks_local.runtime.dbutils.context import NotebookContext
from databricks_local.runtime.dbutils.filesystem import WORKSPACE
from databricks_local.runtime.dbutils.secret_values import Redactor
from databricks_local.runtime.dbutils.utilities import DBUtils
from databricks_local.runtime.environment import LibraryEnvironment
from databricks_local.runtime.imports.beside import import_from
from databricks_local.runtime.imports.offered import offer
from databricks_local.runtime.modules import provide_modules
from databricks_local.runtime.notebook import NotebookResult, run_notebook
from databricks_local.runtime.outputs import CellResult
from databricks_local.runtime.plain_paths import PlainPaths
from databricks_local.runtime.program import run_entry_point, run_python_file
from databricks_local.runtime.spark_paths import (
    WAREHOUSE,
    connect,
    path_rewriter,
    refusing_s3,
    spark_rewriter,
)
from databricks_local.runtime.tables.catalog.client import CatalogClient
from databricks_local.runtime.tables.catalog.session import Reach
from databricks_local.runtime.tables.serving import DEFAULT_CATALOG, INITIAL_CATALOG, serve_tables
from databricks_local.runtime.tables.without_delta import refuse_delta

LOOPBACK = "127.0.0.1"
MAX_RESULT_BYTES = 5 * 1024 * 1024
"""The longest value of `dbutils.notebook.exit` that `runs/get-output` returns (docs: 5 MB)."""

MAX_TRACE_CHARACTERS = 1_000_000
MAX_ERROR_CHARACTERS = 20_000
"""How much of the line of an error is kept; the server has it in memory, unlike the trace."""

CLOCK_SECONDS = 2.0
"""How far two readings of when a process was created may be apart, since the clock may be set meanwhile."""


@dataclass(frozen=True)
class TaskLaunch:
    """The arguments of the process of a task.

    `spark_places` maps `/dbfs` and the like to directories, for a Spark server outside of the namespace.
    `folder` is the folder of the repository in which the task begins, `home` that of the workspace.
    `logs` are the files of stdout and stderr; a single one is for both. `facts` are those of the run.
    `sail` is whether the server is Sail, `s3` whether it reaches S3, `delta` whether it may have Delta.
    """

    path: str
    source: str
    spark_remote: str
    spark_places: Mapping[str, str] | None
    spark_conf: dict[str, str]
    environment: dict[str, str]
    mounts: Mounts
    libraries: str = ""
    pip_environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    parameters: dict[str, str] = field(default_factory=dict)
    program: ProgramSpec | None = None
    place: str = ""
    folder: str = ""
    home: str = ""
    offers: str = ""
    logs: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)
    sail: bool = True
    s3: bool = True
    delta: bool = True


def task_main(connection: Connection, launch: TaskLaunch) -> None:
    """Run a notebook or a program, and report cells and the end.

    Args:
        connection: The line to the server.
        launch: What to run, and what it needs.
    """
    places = begin(launch.logs, launch.mounts)
    os.environ.update(launch.environment)
    os.environ["SPARK_REMOTE"] = launch.spark_remote
    work = Path(launch.place) / "work"
    _begin_in(work, launch, places)
    sys.argv[:] = [launch.path]
    spark = _session(launch, places)
    redactor = Redactor()
    redactor.add(launch.facts.get("apiToken", ""))
    channel = Channel(connection)
    channel.send({"ready": True})

    def report(cell: CellResult) -> None:
        redactor.redact_cell(cell)
        channel.send({"cell": cell.as_dict()})

    context = NotebookContext(launch.facts, channel.call)
    dbutils = DBUtils(launch.parameters, channel.call, places, redactor, context)
    provide_modules(spark, dbutils, context)
    libraries = LibraryEnvironment(Path(launch.place) / "libraries", launch.pip_environment)
    os.environ.update(libraries.for_any_pip(Path(launch.place)))
    if launch.offers:
        offer(launch.offers, str(libraries.site_packages))
    if launch.program is None:
        result = run_notebook(
            launch.source,
            launch.parameters,
            spark,
            launch.path,
            dbutils=dbutils,
            on_cell=report,
            libraries=libraries,
            find_notebook=lambda path: channel.call("notebook_source", path=path),
            scratch=Path(launch.place),
            echo=len(launch.logs) > 1,
        )
    else:
        result = _run_program(launch.program, launch.source, work, places)
    _report_end(channel, result, redactor)
    # The server ends this process. If it ended by itself, its children could no longer be found and killed.
    threading.Event().wait()


def _report_end(channel: Channel, result: NotebookResult, redactor: Redactor) -> None:
    exit_value = None if result.exit_value is None else redactor.redact(result.exit_value)
    value = None if exit_value is None else exit_value.encode("utf-8", "replace")
    channel.send(
        {
            "result": None if value is None else value[:MAX_RESULT_BYTES].decode("utf-8", "ignore"),
            "truncated": value is not None and len(value) > MAX_RESULT_BYTES,
            "error": redactor.redact(result.error)[:MAX_ERROR_CHARACTERS],
            "error_trace": redactor.redact(result.error_trace)[:MAX_TRACE_CHARACTERS],
        }
    )


def _begin_in(work: Path, launch: TaskLaunch, places: Mapping[str, str]) -> None:
    home = Path(path_rewriter(places)(launch.home)) if launch.home else work / launch.folder
    directory = home if home.is_dir() else work
    os.chdir(directory)
    # The directory of what is run comes first, then the root of its repository (docs: work with Python
    # modules), then the libraries of the cluster.
    sys.path[:1] = dict.fromkeys(filter(None, (str(directory), str(work), launch.libraries)))
    import_from([work, Path(places[WORKSPACE])])


def _run_program(program: ProgramSpec, source: str, work: Path, places: Mapping[str, str]) -> NotebookResult:
    arguments = arguments_of(program)
    if isinstance(program, PythonWheelSpec):
        return run_entry_point(program.package, program.entry_point, arguments)
    place = str(work / program.path) if program.git else path_rewriter(places)(program.path)
    return run_python_file(source, program.path, place, arguments)


def guard_main(connection: Connection) -> None:
    """Kill all tasks and clusters when the server is gone.

    Each process watches the server itself, but cannot act while native code holds its interpreter.

    Args:
        connection: Gets the ids of processes that start or end, and closes with the server.
    """
    os.setsid()
    guarded: set[tuple[int, float]] = set()
    try:
        while True:
            message = json.loads(connection.recv_bytes())
            guarded ^= {(message["pid"], message["created"])}
    except EOFError:
        for pid, created in guarded:
            kill_group(pid, created)


def send(connection: Connection, message: dict[str, Any]) -> None:
    """Send a message as JSON: the server takes no pickles from a process that runs a user's code."""
    connection.send_bytes(json.dumps(message).encode())


def _session(launch: TaskLaunch, places: Mapping[str, str]) -> Any:
    rewrite = spark_rewriter(launch.spark_places or places)
    own = {"spark.sql.warehouse.dir": rewrite(WAREHOUSE)} if launch.sail else {}
    reached = rewrite if launch.s3 else refusing_s3(rewrite)
    hooks: list[Any] = []
    session = connect(
        launch.spark_remote, reached, {**own, **launch.spark_conf}, sail=launch.sail, hooks=hooks
    )
    if launch.sail:
        client = CatalogClient(launch.facts["apiUrl"], launch.facts["apiToken"])
        links = PlainPaths(Path(launch.place) / "links")
        reach = Reach(links.around(rewrite), spark_rewriter(places))
        serve_tables(session, client, reach, hooks, _initial_catalog(launch))
    elif not launch.delta:
        refuse_delta(session, hooks)
    return session


def _initial_catalog(launch: TaskLaunch) -> str:
    return launch.spark_conf.get(INITIAL_CATALOG, DEFAULT_CATALOG).strip("`")


def begin(logs: Sequence[str], mounts: Mounts) -> Mapping[str, str]:
    """Make this process end with the server, and give it the workspace's paths.

    Args:
        logs: Where stdout and stderr go; a single file is for both.
        mounts: The paths.

    Returns:
        Where `/dbfs`, `/Volumes` and `/Workspace` are for this process.
    """
    _lead_own_group(logs)
    places = enter(mounts)
    _watch_server()
    return places


def _lead_own_group(logs: Sequence[str]) -> None:
    os.setsid()
    for stream, log in ((1, logs[0]), (2, logs[-1])):
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, stream)
        os.close(descriptor)
    # After a crash in native code, the log says where it happened.
    faulthandler.enable(file=2)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _watch_server() -> None:
    """Start the watching thread, once in the mount namespace: only one thread may enter that."""
    threading.Thread(target=_end_with_server, name="watch-server", daemon=True).start()


def _end_with_server() -> None:
    server = parent_process()
    if server is not None:
        wait([server.sentinel])
        kill_group(os.getpid(), created_at(os.getpid()))


def created_at(pid: int) -> float:
    """When a process was created; tells it apart from a later one with the same id. 0 if it is gone."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def kill_group(pid: int, created: float) -> None:
    """Kill a process, its group, and its descendants in groups of their own.

    Args:
        pid: The leader of the group. It may be gone already.
        created: When it was created. If another process has its id by now, nothing happens: then the group
            is gone, too, since the id of a group is not given away while the group is there.
    """
    own = pid == os.getpid()
    try:
        leader = psutil.Process(pid)
        if abs(leader.create_time() - created) > CLOCK_SECONDS:
            return
        family = leader.children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    # Any of them may have ended meanwhile.
    for descendant in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            descendant.kill()
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)
    if own:
        os._exit(1)
