"""Starts the server of a workspace."""

import asyncio
import logging
import os
import socket
import sys
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from databricks_local.access.oauth import ClientCredentials
from databricks_local.api.links import Links
from databricks_local.execution.children import LOOPBACK
from databricks_local.execution.cluster import Machine
from databricks_local.execution.engines.installation import SparkInstallationError, ensure_spark
from databricks_local.execution.environment import Environments, divide
from databricks_local.execution.executor import Executor
from databricks_local.execution.launching import WorkspaceFacts
from databricks_local.execution.remote_spark import spark_address
from databricks_local.faults.tasks import with_faults
from databricks_local.files.workspace_files import WorkspaceFiles
from databricks_local.git.checkouts import Checkouts
from databricks_local.jobs.engines import SAIL, SPARK
from databricks_local.routes.context import Workspace
from databricks_local.runs.clock import TurnableClock
from databricks_local.runs.launcher import Options
from databricks_local.server.answering import answer
from databricks_local.server.app import create_app
from databricks_local.server.assembly import USER, WORKSPACE_ID, database_path, open_jobs, work_of
from databricks_local.server.local_tools import make_local_tools
from databricks_local.server.process import (
    log_to_stderr,
    nothing_imported_from_main,
    signals_end_quietly,
)
from databricks_local.server.services import mounts_of, open_catalog, open_secrets, open_services
from databricks_local.server.tls import TlsFiles, ensure_certificates, write_bundle
from databricks_local.storage.database import Database, RootInUseError

BACKLOG = 2048
WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - recognised, not bound


@dataclass(frozen=True)
class Access:
    """How clients get in, besides by the token.

    Attributes:
        tls: Whether the workspace is reached by https.
        client: The service principal that gets tokens by OAuth.
    """

    tls: bool = False
    client: ClientCredentials | None = None


@dataclass(frozen=True)
class Place:
    """Where a workspace is: on disk and on the network.

    Attributes:
        root: The directory with its files.
        origin: The URL at which it is reached.
        listener: The socket that it listens on.
        tls: Its certificates; None without TLS.
        inner: Where Sail reaches the catalog if there is TLS: it trusts public authorities alone.
    """

    root: Path
    origin: str
    listener: socket.socket
    tls: TlsFiles | None
    inner: socket.socket | None = None


def serve(
    host: str,
    port: int,
    token: str,
    root: Path,
    access: Access = Access(),
    options: Options = Options(),  # noqa: B008 - frozen
    machine: Machine = Machine(),  # noqa: B008 - frozen
) -> None:
    """Serve a workspace until SIGINT or SIGTERM.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        token: What every request has to show.
        root: The directory in which the workspace keeps its files.
        access: Whether there is TLS, and a service principal.
        options: How to behave where the behaviour of Databricks is not known.
        machine: How clusters and tasks are run here.

    Raises:
        SystemExit: With status 2, after one line on stderr, if it cannot start.
    """
    if not token:
        _refuse("the token is empty")
    if machine.spark_remote:
        try:
            spark_address(machine.spark_remote)
        except ValueError as error:
            _refuse(str(error))
        if machine.engine != SAIL:
            _refuse("--engine and --spark-remote do not go together: a server is started, or is there")
    environments = divide_environment(os.environ)
    if machine.engine == SPARK:
        _install_spark(environments)
    files = _open_files(root)
    database = _open_database(root)
    listener = _listen(host, port)
    bound_port = listener.getsockname()[1]
    tls = _certificates(root, host) if access.tls else None
    origin = _origin(host, bound_port, "https" if tls else "http")
    log_to_stderr()
    with nothing_imported_from_main(), signals_end_quietly(), listener:
        inner = _listen(LOOPBACK, 0) if tls else None
        place = Place(root.resolve(), origin, listener, tls, inner)
        asyncio.run(_serve(place, files, database, token, environments, access.client, options, machine))


async def _serve(
    place: Place,
    files: WorkspaceFiles,
    database: Database,
    token: str,
    environments: Environments,
    client: ClientCredentials | None,
    options: Options,
    machine: Machine,
) -> None:
    root, origin = place.root, place.origin
    clock = TurnableClock(milliseconds, database)
    clock.load(database)
    # Clients look at the real clock to see whether their tokens are still good.
    tools = make_local_tools(milliseconds, client)
    secrets = open_secrets(root, USER, clock)
    mounts = mounts_of(root, enabled=machine.mount_namespaces)
    authorities = str(place.tls.bundle) if place.tls else ""
    inner_origin = _origin(LOOPBACK, place.inner.getsockname()[1], "http") if place.inner else origin
    told = WorkspaceFacts(origin, WORKSPACE_ID, authorities, inner_origin)
    opened = open_catalog(root, USER, clock, environments.clusters)
    executor = Executor(
        root / "tasks", environments, mounts, secrets, machine, tools.tokens, told, opened.names
    )
    services = open_services(root, origin, USER, clock, executor, secrets, opened, database)
    tools.tokens.on_revoke = services.sql.sessions.end_those_with
    links = Links(origin, WORKSPACE_ID)
    jobs = open_jobs(
        database,
        executor,
        files,
        mounts,
        services.volumes.files_below,
        services.clusters,
        Checkouts(root / "checkouts"),
        links,
        clock,
        USER,
        options,
        with_faults(work_of(services.sql, mounts.places, authorities), tools.faults.of_task),
    )
    workspace = Workspace(
        database=database,
        store=jobs.runs,
        jobs=jobs.jobs,
        launcher=jobs.launcher,
        files=files,
        runner=jobs.runner,
        links=links,
        clock=clock,
        services=services,
        user=USER,
        timetable=jobs.timetable,
    )
    app = tools.around(create_app(workspace, token, executor, tools))
    logging.getLogger("databricks_local").info("workspace ready at %s", origin)
    await answer(app, tools.connections, place.listener, place.tls, place.inner)


def milliseconds() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def divide_environment(environment: MutableMapping[str, str]) -> Environments:
    """Leave in an environment what tasks may see, and nothing else.

    Call it before the first process is forked: each process inherits what is in the environment then.

    Returns:
        What was in it for each kind of process.
    """
    divided = divide(environment)
    for name in environment.keys() - divided.tasks.keys():
        del environment[name]
    environment.update(divided.tasks)
    return divided


def _open_files(root: Path) -> WorkspaceFiles:
    try:
        root.mkdir(parents=True, exist_ok=True)
        (root / "tasks").mkdir(exist_ok=True)
        probe = root / ".writable"
        probe.touch()
        probe.unlink()
        return WorkspaceFiles(root / "files", USER)
    except OSError as error:
        _refuse(f"cannot write to {root}: {error.strerror or error}")


def _open_database(root: Path) -> Database:
    try:
        return Database(database_path(root))
    except RootInUseError:
        _refuse(f"another workspace uses {root}")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[
            0
        ]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        _refuse(f"cannot listen on {host}:{port}: {reason}")
    return listener


def _install_spark(environments: Environments) -> None:
    try:
        ensure_spark({**os.environ, **environments.pip}, _say)
    except SparkInstallationError as error:
        _refuse(str(error))


def _say(line: str) -> None:
    print(f"workspace: {line}", file=sys.stderr, flush=True)  # noqa: T201 - before there is a log


def _refuse(reason: str) -> NoReturn:
    _say(reason)
    raise SystemExit(2)


def _certificates(root: Path, host: str) -> TlsFiles:
    files = ensure_certificates(root / "tls", _name(host))
    try:
        write_bundle(files, os.environ)
    except OSError as error:
        advice = "let REQUESTS_CA_BUNDLE or SSL_CERT_FILE name a file or a folder that is there"
        _refuse(f"cannot read the certificate authorities in {error.filename}: {error.strerror}; {advice}")
    return files


def _name(host: str) -> str:
    """The name by which this machine reaches the workspace."""
    return "127.0.0.1" if host in WILDCARDS else host


def _origin(host: str, port: int, scheme: str) -> str:
    name = _name(host)
    return f"{scheme}://[{name}]:{port}" if ":" in name else f"{scheme}://{name}:{port}"
