"""The local stack: database, storage, workspace and Prefect server of one working directory."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

try:
    import psutil  # noqa: F401 - the modules below need it; asked for here to say so in one line
except ModuleNotFoundError as absent:
    from dbflow.local.errors import StackNotInstalled

    raise StackNotInstalled("psutil") from absent

from dbflow.local import databricks, ports, storage
from dbflow.local.bytecode import bytecode_directory, keep_bytecode
from dbflow.local.endpoints import (
    PostgresEndpoint,
    PrefectEndpoint,
    S3Endpoint,
    ServiceState,
    ServiceStatus,
    StackEndpoints,
    WorkspaceEndpoint,
)
from dbflow.local.engine import engine_to_use
from dbflow.local.errors import StackError
from dbflow.local.postgres import server as postgres
from dbflow.local.prefect.server import PrefectServer
from dbflow.local.processes import ProcessIdentity
from dbflow.local.service import Clock, Service
from dbflow.local.state import ServiceRecord, StackState, StateStore

Progress = Callable[[str, str], None]
NAMES = ("postgres", "storage", "databricks", "prefect")


def _silent(service: str, state: str) -> None:
    """Tells nobody."""


class LocalStack:
    """Starts, shares and stops the services of one directory.

    Several processes may use a stack at once; the last one to release it stops it. A process that was killed
    no longer counts, and a service that was killed is replaced by the next `start`.
    """

    def __init__(self, root: Path = Path(".dbflow"), *, clock: Clock | None = None) -> None:
        self.root = Path(os.path.realpath(root))
        self._clock = clock or Clock()
        self._store = StateStore(self.root)
        self._this_process = ProcessIdentity.of(os.getpid())

    def start(
        self, *, keep: bool = False, progress: Progress = _silent, engine: str | None = None
    ) -> StackEndpoints:
        """Starts all services that are not up, in parallel, and registers this process as a user.

        Args:
            keep: As `keep`, once all of it is up.
            progress: Told the service and what it is doing, from several threads.
            engine: What has to run Spark, `sail` or `spark`, which is installed already (`install_engine`).
                None takes what is up, or Sail.

        Raises:
            StackError: A message for people. The next `release` stops what was started, unless the stack is
                kept from before.
        """
        self.make_directory()
        with self._store.locked():
            (self.root / "logs").mkdir(mode=0o700, exist_ok=True)
            state = self._store.load()
            state.engine = engine_to_use(engine, state.engine if "databricks" in state.services else None)
            state.drop_users()
            state.add_user(self._this_process)
            _Starter(self._store, state, self.root, self._clock, progress).run()
            if keep:
                state.kept = True
                self._store.save(state)
            return _endpoints(state)

    def make_directory(self) -> None:
        """Make the directory of the stack, and keep byte code from then on."""
        self._store.create_root()
        keep_bytecode(bytecode_directory(self.root))

    def keep(self) -> None:
        """Leave the stack up when its last user releases it, until `stop`."""
        with self._store.locked():
            state = self._store.load()
            state.kept = True
            self._store.save(state)

    def release(self) -> None:
        """This process no longer uses the stack; the last user stops it, unless it is kept."""
        if not self._store.path.exists():
            return
        with self._store.locked():
            state = self._store.load()
            state.drop_users(self._this_process)
            if not state.users and not state.kept:
                self._stop(state, _silent)
            self._store.save(state)

    def stop(self, progress: Progress = _silent) -> list[str]:
        """Stops this directory's services, whoever uses them; data stays. Returns what was stopped."""
        if not self.root.is_dir():
            return []
        with self._store.locked():
            state = self._store.load()
            stopped = self._stop(state, progress)
            state.users.clear()
            state.kept = False
            self._store.save(state)
            return stopped

    def status(self) -> list[ServiceStatus]:
        """How each service is, right now."""
        state = self._store.load()
        services = _services(self.root, state, self._clock)
        with ThreadPoolExecutor(len(services)) as pool:
            records = [state.services.get(service.name) for service in services]
            return list(pool.map(_status, services, records))

    def endpoints(self) -> StackEndpoints:
        """Where the parts are; raises `StackError` when the stack is not up."""
        return _endpoints(self._store.load())

    def environment(self) -> dict[str, str]:
        """The variables that point Prefect at this stack."""
        state = self._store.load()
        record = _record(state, "prefect")
        server = PrefectServer(self.root, state.secret("prefect_password"))
        return server.client_environment(record.ports)

    def prefect_home(self) -> dict[str, str]:
        """Those of these variables that are known before the stack is up."""
        return PrefectServer(self.root, password="").home_environment()

    def _stop(self, state: StackState, progress: Progress) -> list[str]:
        services = _services(self.root, state, self._clock)

        def stop(service: Service) -> bool:
            found = service.stop(state.services.get(service.name))
            if found:
                progress(service.name, "stopped")
            return found

        with ThreadPoolExecutor(len(services)) as pool:
            found = list(pool.map(stop, services))
        state.services.clear()
        return [service.name for service, was_up in zip(services, found, strict=True) if was_up]


class _Starter:
    """One `start`: all services in parallel, each recorded as soon as it has a process."""

    def __init__(
        self, store: StateStore, state: StackState, root: Path, clock: Clock, progress: Progress
    ) -> None:
        self._store = store
        self._state = state
        self._progress = progress
        self._writing = threading.Lock()
        # The workspace is told where the storage is as soon as that has a port, long before it is up.
        self._storage_has_port = threading.Event()
        self._services = _services(root, state, clock, self._wait_for_storage)

    def run(self) -> None:
        # Before anything starts: the data directories are made with these secrets.
        self._store.save(self._state)
        self._ensure(self._services)
        if _record(self._state, "databricks").depends_on != _record(self._state, "storage").url:
            # The storage's port was taken by someone else while it started, and it chose another.
            self._ensure([service for service in self._services if service.name == "databricks"])

    def _ensure(self, services: list[Service]) -> None:
        with ThreadPoolExecutor(len(services)) as pool:
            started = [pool.submit(self._ensure_one, service) for service in services]
        failures = [failure for future in started if (failure := future.exception()) is not None]
        # A failed storage fails the workspace too; the first failure in the order of services is the cause.
        if failures:
            raise failures[0]

    def _ensure_one(self, service: Service) -> None:
        name = service.name
        try:
            record = self._state.services.get(name)
            if name == "storage" and record is not None and record.process.is_alive():
                self._storage_has_port.set()
            service.ensure(
                record,
                self._state.ports.get(name, {}),
                lambda fresh: self._save(name, fresh),
                lambda doing: self._progress(name, doing),
            )
        except OSError as error:
            raise StackError(f"{name} could not be started: {error}") from error
        finally:
            if name == "storage":
                self._storage_has_port.set()

    def _save(self, name: str, record: ServiceRecord) -> None:
        with self._writing:
            self._state.services[name] = record
            self._state.ports[name] = record.ports
            self._store.save(self._state)
        if name == "storage":
            self._storage_has_port.set()

    def _wait_for_storage(self) -> str:
        self._storage_has_port.wait()
        return _record(self._state, "storage").url


def _services(
    root: Path, state: StackState, clock: Clock, storage_url: Callable[[], str] | None = None
) -> list[Service]:
    objects = storage.Storage(root, state, clock)

    def recorded_url() -> str:
        return _record(state, "storage").url

    def environment(url: Callable[[], str]) -> Callable[[], dict[str, str]]:
        keys = (objects.access_key, objects.secret_key, storage.REGION)
        return lambda: databricks.storage_environment(url(), *keys)

    return [
        postgres.Postgres(root, state.secret("postgres_password"), clock),
        objects,
        databricks.DatabricksService(
            root,
            state.secret("workspace_token"),
            environment(storage_url or recorded_url),
            state.engine,
            clock,
        ),
        PrefectServer(root, state.secret("prefect_password"), clock),
    ]


def _status(service: Service, record: ServiceRecord | None) -> ServiceStatus:
    if record is None:
        return ServiceStatus(service.name, "stopped", None, None)
    state: ServiceState = "died"
    if record.process.is_alive():
        state = "healthy" if service.healthy(record.ports) else "not answering"
    return ServiceStatus(service.name, state, record.url, record.process.pid if state != "died" else None)


def _record(state: StackState, name: str) -> ServiceRecord:
    try:
        return state.services[name]
    except KeyError:
        raise StackError("the local stack is not up: start it with `dbflow up`") from None


def _endpoints(state: StackState) -> StackEndpoints:
    records = {name: _record(state, name) for name in NAMES}
    prefect = PrefectServer(Path(), state.secret("prefect_password"))
    objects_key = state.secret("s3_access_key")[: storage.ACCESS_KEY_LENGTH]
    workspace_port = records["databricks"].ports["main"]
    return StackEndpoints(
        postgres=PostgresEndpoint(
            ports.HOST,
            records["postgres"].ports["main"],
            postgres.USER,
            postgres.DATABASE,
            state.secret("postgres_password"),
        ),
        s3=S3Endpoint(
            records["storage"].url, storage.REGION, storage.BUCKET, objects_key, state.secret("s3_secret_key")
        ),
        workspace=WorkspaceEndpoint(
            f"{ports.HOST}:{workspace_port}", records["databricks"].url, state.secret("workspace_token")
        ),
        prefect=PrefectEndpoint(f"{records['prefect'].url}/api", records["prefect"].url, prefect.auth_string),
        engine=state.engine,
    )
