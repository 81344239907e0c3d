"""Access to a running workspace: a client, faults, and the requests that were made."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, cast
from urllib.parse import urlsplit

# It comes with the Databricks SDK, which `client()` needs anyway; httpx would be one more package to install.
from requests import Session

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

ANSWER_SECONDS = 30
CLOCK_PATH = "/local/clock"
_REFUSED = 400


class FaultRule(TypedDict, total=False):
    """The fields of a fault. The README of the workspace has a table of what they mean."""

    path: str
    path_regex: str
    method: str
    when: Literal["before", "after"]
    status: int
    body: Any
    content_type: str
    retry_after: int | str
    delay_seconds: float
    task_key: str
    run_name: str
    effect: Literal[
        "answer", "reset", "half", "delay", "fail", "driver_lost", "cluster_failure", "spot_loss", "hang"
    ]
    error: str
    after_seconds: float
    count: int
    offset: int
    probability: float
    seed: int


class Faults:
    """The faults of a running workspace: what requests and tasks suffer on demand.

    Example:
        >>> from databricks_local import LocalWorkspace
        >>> with LocalWorkspace() as workspace:
        ...     with workspace.faults.injected(path="/api/*/jobs/list", status=503, retry_after=1):
        ...         jobs = list(workspace.client().jobs.list())  # the SDK waits a second and asks again
        ...     [request["status"] for request in workspace.requests("/api/")]
        [503, 200]
    """

    def __init__(self, workspace: "WorkspaceAccess") -> None:
        self._workspace = workspace

    def add(self, **rule: Unpack[FaultRule]) -> int:
        """Add a fault.

        Args:
            **rule: Its fields. With `path` or `path_regex` it is a fault of requests, otherwise of tasks.

        Returns:
            Its id.

        Raises:
            ValueError: If the workspace refuses it.
        """
        return int(self._workspace.ask("POST", "/local/faults", rule)["fault_id"])

    def show(self) -> list[dict[str, Any]]:
        """The faults, and how often each matched (`seen`) and happened (`applied`)."""
        return cast("list[dict[str, Any]]", self._workspace.ask("GET", "/local/faults")["faults"])

    def remove(self, fault_id: int) -> None:
        """Remove one fault.

        Raises:
            ValueError: If there is none of this id.
        """
        self._workspace.ask("DELETE", f"/local/faults?fault_id={fault_id}")

    def clear(self) -> None:
        """Remove all faults."""
        self._workspace.ask("DELETE", "/local/faults")

    @contextmanager
    def injected(self, **rule: Unpack[FaultRule]) -> Iterator[int]:
        """Add a fault for the length of a `with` block; gives its id."""
        fault_id = self.add(**rule)
        try:
            yield fault_id
        finally:
            self.remove(fault_id)


class WorkspaceAccess:
    """A workspace that somebody else started, such as the one of a local stack.

    Attributes:
        url: Where it is.
        token: What requests have to send.
        authority: With TLS, the file of the certificate authority that clients have to trust.
        faults: The faults that requests and tasks suffer.

    Example:
        >>> from databricks_local import LocalWorkspace, WorkspaceAccess
        >>> with LocalWorkspace() as running:
        ...     same = WorkspaceAccess(running.url, running.token)
        ...     same.client().current_user.me().user_name
        'local@dbflow.example'
    """

    def __init__(self, url: str, token: str, authority: Path | None = None) -> None:
        self.url = url
        self.token = token
        self.authority = authority
        self.faults = Faults(self)

    def client(self) -> "WorkspaceClient":
        """A client of the official SDK. It ignores the proxies of the environment, and trusts `authority`."""
        from databricks.sdk import WorkspaceClient

        # The SDK calls the host while it is made, before anything else could say what to trust.
        with _variables(self._trust()):
            client = WorkspaceClient(host=self.url, token=self.token, auth_type="pat")
        # The SDK has no setting for either (checked up to 0.162).
        self._prepare(client.api_client._api_client._session)
        return client

    def requests(self, path_prefix: str = "", since_id: int = 0) -> list[dict[str, Any]]:
        """The requests that were made, the oldest first.

        Args:
            path_prefix: What their path begins with.
            since_id: The `id` of the last one that is known already.
        """
        query = {"path_prefix": path_prefix, "since_id": str(since_id)}
        answer = self.ask("GET", "/local/requests", query=query)
        return cast("list[dict[str, Any]]", answer["requests"])

    def clear_requests(self) -> None:
        """Forget the requests that were made."""
        self.ask("DELETE", "/local/requests")

    def now(self) -> datetime:
        """The time in the workspace, in UTC."""
        return datetime.fromtimestamp(self.ask("GET", CLOCK_PATH)["time"] / 1000, UTC)

    def advance(
        self,
        *,
        days: int = 0,
        hours: int = 0,
        minutes: int = 0,
        seconds: int = 0,
        until: datetime | None = None,
        arrived_files: Sequence[str] = (),
        updated_tables: Sequence[str] = (),
    ) -> list[int]:
        """Turn the clock, which starts the runs that this makes due, in their order.

        Args:
            days: How far; added to the others.
            hours: How far.
            minutes: How far.
            seconds: How far.
            until: The time to turn it to, instead of how far. With a time zone.
            arrived_files: Files that arrived before, for triggers that wait for them.
            updated_tables: Tables that were updated before, as `catalog.schema.table`.

        Returns:
            The ids of the runs. Those that wait for others, and those that were skipped, are among them.

        Raises:
            ValueError: If the workspace refuses it.

        Example:
            >>> from databricks_local import LocalWorkspace
            >>> with LocalWorkspace() as workspace:
            ...     workspace.advance(hours=6)  # no job has a schedule
            []
        """
        body: dict[str, Any] = {"arrived_files": list(arrived_files), "updated_tables": list(updated_tables)}
        length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if until is not None:
            body["until"] = until.astimezone(UTC).isoformat()
        if length or until is None:
            body["advance_seconds"] = int(length.total_seconds())
        return [run["run_id"] for run in self.ask("POST", CLOCK_PATH, body)["runs"]]

    def notifications(self, run_id: int = 0) -> list[dict[str, Any]]:
        """The notifications that Databricks would have sent, the oldest first. Nothing is sent here.

        Args:
            run_id: Only those of this run.
        """
        query = {"run_id": str(run_id)} if run_id else {}
        answer = self.ask("GET", "/local/notifications", query=query)
        return cast("list[dict[str, Any]]", answer["notifications"])

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Make one request, without a retry.

        Args:
            method: Its method.
            path: Its path, such as `/local/faults`.
            body: What is sent as JSON.
            query: Its query.

        Returns:
            The JSON of the answer.

        Raises:
            ValueError: If the workspace refuses it; with the text of the answer.
        """
        with Session() as session:
            self._prepare(session)
            answer = session.request(
                method,
                self.url + path,
                params=query,
                json=body,
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=ANSWER_SECONDS,
            )
        if answer.status_code >= _REFUSED:
            raise ValueError(answer.text)
        return cast("dict[str, Any]", answer.json())

    def _prepare(self, session: Session) -> None:
        session.trust_env = False
        if self.authority is not None:
            session.verify = str(self.authority)

    def _trust(self) -> dict[str, str]:
        trust = {"REQUESTS_CA_BUNDLE": str(self.authority)} if self.authority else {}
        return {"NO_PROXY": urlsplit(self.url).hostname or "", **trust}


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment for the length of a `with` block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
