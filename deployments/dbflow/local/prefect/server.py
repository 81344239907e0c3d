"""The Prefect server of the stack, with a home of its own: the user's profile is neither read nor written."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from dbflow.local import ports
from dbflow.local.packages import IMPORT_ROOT
from dbflow.local.prefect.schema import create_database
from dbflow.local.service import Clock, Service, ServiceCommand, answers_ok
from dbflow.local.state import ServiceRecord

_USER = "dbflow"

# The file with the Prefect version that migrated the database last.
_MIGRATED_BY = "migrated-by"


class PrefectServer(Service):
    """A Prefect server on 127.0.0.1 that asks for a password and reports to nobody."""

    name = "prefect"
    start_timeout_s = 120.0  # a Prefect that is older than the snapshot runs all its migrations

    def __init__(self, root: Path, password: str, clock: Clock | None = None) -> None:
        super().__init__(root, clock)
        self.auth_string = f"{_USER}:{password}"
        self._version = metadata.version("prefect")

    def client_environment(self, chosen: Mapping[str, int]) -> dict[str, str]:
        """What points Prefect's client, and everything built on it, at this server."""
        login = {"PREFECT_API_URL": f"{self.url(chosen)}/api", "PREFECT_API_AUTH_STRING": self.auth_string}
        return {**self.home_environment(), **login}

    def home_environment(self) -> dict[str, str]:
        """What gives Prefect the home of this stack, wherever its server listens."""
        return {
            "PREFECT_HOME": str(self.directory),
            "PREFECT_PROFILES_PATH": str(self.directory / "profiles.toml"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }

    def prepare(self) -> None:
        """Make the database from the snapshot of its schema where there is none."""
        super().prepare()
        database = self.directory / "prefect.db"
        if not database.exists():
            self._migrated_by.unlink(missing_ok=True)
            if create_database(database):
                self._migrated_by.write_text(self._version, encoding="utf-8")

    def command(self, chosen: Mapping[str, int]) -> ServiceCommand:
        """Runs uvicorn itself: the command line of Prefect takes a second longer."""
        environment = {
            **self.client_environment(chosen),
            "PREFECT_SERVER_API_HOST": ports.HOST,
            "PREFECT_SERVER_API_PORT": str(chosen["main"]),
            "PREFECT_SERVER_API_AUTH_STRING": self.auth_string,
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
            "PREFECT__SERVER_FINAL": "1",
        }
        if self._migrated_by.exists() and self._migrated_by.read_text(encoding="utf-8") == self._version:
            # Looking again whether there is something to migrate takes 0.7 s.
            environment["PREFECT_SERVER_DATABASE_MIGRATE_ON_START"] = "false"
        address = ["--host", ports.HOST, "--port", str(chosen["main"])]
        quiet = ["--log-level", "warning", "--no-access-log"]
        app = ["--factory", "dbflow.local.prefect.app:create_app", "--app-dir", str(IMPORT_ROOT)]
        # Prefect reads `.env` and `prefect.toml` of its working directory: here it finds none.
        command = [sys.executable, "-m", "uvicorn", *app, *address, *quiet]
        return ServiceCommand(command, environment, self.directory)

    def url(self, chosen: Mapping[str, int]) -> str:
        """The UI; the API is below it at /api."""
        return f"http://{ports.HOST}:{chosen['main']}"

    def healthy(self, chosen: Mapping[str, int]) -> bool:
        """Its health page needs no password."""
        return answers_ok(chosen["main"], "/api/health")

    def complete(self, chosen: Mapping[str, int], record: ServiceRecord) -> None:
        """A healthy server has migrated its database."""
        self._migrated_by.write_text(self._version, encoding="utf-8")

    @property
    def _migrated_by(self) -> Path:
        return self.directory / _MIGRATED_BY
