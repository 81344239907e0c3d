"""What a stack remembers between commands: `stack.json` in its directory, and the lock around it."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dbflow.local.errors import StackError, StackNotInstalled
from dbflow.local.processes import ProcessIdentity

try:
    from filelock import FileLock, Timeout
except ModuleNotFoundError as absent:  # pragma: no cover - shown by the test of a lean install
    raise StackNotInstalled("filelock") from absent

LOCK_TIMEOUT_S = 300.0
_FORMAT = 1


@dataclass
class ServiceRecord:
    """A service that was started: which process, and where it listens."""

    process: ProcessIdentity
    ports: dict[str, int]
    url: str
    depends_on: str = ""
    ready: bool = False


@dataclass
class StackState:
    """The content of `stack.json`. Secrets outlive the services: the data directories were made with them."""

    services: dict[str, ServiceRecord] = field(default_factory=dict)
    users: list[ProcessIdentity] = field(default_factory=list)
    kept: bool = False
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    ports: dict[str, dict[str, int]] = field(default_factory=dict)
    engine: str = "sail"

    def secret(self, name: str) -> str:
        """The secret of this name, made when it is first asked for."""
        return self.secrets.setdefault(name, secrets.token_hex(24))

    def add_user(self, user: ProcessIdentity) -> None:
        """Registers a process that uses the stack."""
        if user not in self.users:
            self.users.append(user)

    def drop_users(self, *gone: ProcessIdentity) -> None:
        """Forgets these users, and those whose process has ended."""
        self.users = [user for user in self.users if user not in gone and user.is_alive()]


class StateStore:
    """Reads and writes the state of the stack in `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "stack.json"

    def create_root(self) -> None:
        """Makes the directory, readable by its owner only and ignored by git."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            ignore = self.root / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise StackError(
                f"cannot write to {self.root}: {error.strerror}. Run it in a directory that you can write to."
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the stack's lock. The kernel releases it when its holder ends, however it ends."""
        lock = FileLock(self.root / "stack.lock", mode=0o600)
        try:
            lock.acquire(timeout=LOCK_TIMEOUT_S)
        except Timeout as error:
            raise StackError(
                f"another command has held {lock.lock_file} for {LOCK_TIMEOUT_S:.0f} s"
            ) from error
        except OSError as error:
            raise StackError(f"cannot lock {lock.lock_file}: {error.strerror}") from error
        try:
            yield
        finally:
            lock.release()

    def load(self) -> StackState:
        """The state as last saved; an empty one where there is none."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return StackState()
        except OSError as error:
            raise StackError(f"cannot read {self.path}: {error.strerror}") from error
        try:
            return _state_from(json.loads(text))
        except (ValueError, KeyError, TypeError) as error:
            raise StackError(
                f"{self.path} is not a state file of this version: delete {self.root} and start again."
            ) from error

    def save(self, state: StackState) -> None:
        """Replaces `stack.json` in one step; it is never readable by others, and never half written."""
        content = json.dumps({"format": _FORMAT, **asdict(state)}, indent=1)
        try:
            handle, name = tempfile.mkstemp(dir=self.root, prefix=".stack-")  # mkstemp creates with mode 0600
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except OSError as error:
            raise StackError(f"cannot write {self.path}: {error.strerror}") from error


def _state_from(raw: dict[str, Any]) -> StackState:
    if raw["format"] != _FORMAT:
        raise ValueError(f"format {raw['format']}")
    services = {
        name: ServiceRecord(**{**record, "process": ProcessIdentity(**record["process"])})
        for name, record in raw["services"].items()
    }
    users = [ProcessIdentity(**user) for user in raw["users"]]
    # An earlier version knew one engine only.
    engine = str(raw.get("engine", "sail"))
    return StackState(services, users, bool(raw["kept"]), dict(raw["secrets"]), dict(raw["ports"]), engine)
