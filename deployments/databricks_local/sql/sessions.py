"""The sessions of clients on warehouses: `USE`, temporary views and settings stay for the next statement."""

import asyncio
import uuid
from dataclasses import dataclass, field

from databricks_local.api.bodies import Json, read_required_string, read_strings
from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.runtime.sail.statements import SHORT_NAMES, is_zone
from databricks_local.runtime.warehouse.orders import SessionOrder
from databricks_local.sql.requests import StatementRequest, read_name
from databricks_local.sql.settings import read_timeout
from databricks_local.sql.tags import tags_of_setting
from databricks_local.sql.warehouses import Warehouses

TIMEOUT = "statement_timeout"


def session_missing(session_id: str) -> ApiError:
    """An unknown session, or one whose warehouse was stopped; the words are ours."""
    return ApiError(404, "NOT_FOUND", f"The session {session_id[:100]} was not found.")


def read_conf(body: Json) -> dict[str, str]:
    """The configuration of a session, in the names of Spark; what means nothing here is left out.

    Example:
        >>> read_conf({"session_confs": {"TIMEZONE": "UTC", "use_cached_result": "true"}})
        {'spark.sql.session.timeZone': 'UTC'}
    """
    given = read_strings(body, "session_confs")
    for name, value in given.items():
        if name.lower() == "timezone" and not is_zone(value):
            raise invalid_parameter(f"{name} {value[:100]} is not known: use a name such as Europe/Berlin.")
    named = {SHORT_NAMES.get(name.lower(), name): value for name, value in given.items()}
    return {name: value for name, value in named.items() if "." in name}


@dataclass(frozen=True)
class SqlSession:
    """A session of a client.

    Attributes:
        warehouse_id: Its warehouse.
        order: What it begins with.
        tags: The query tags of its statements.
        timeout_seconds: How long they may be executed; None for what the warehouse says, 0 for no limit.
        token: What its client logged in with.
    """

    warehouse_id: str
    order: SessionOrder
    tags: list[Json] = field(default_factory=list)
    timeout_seconds: int | None = None
    token: str = field(default="", repr=False)


class SqlSessions:
    """The sessions. They end with their warehouse."""

    def __init__(self, warehouses: Warehouses) -> None:
        """Set up.

        Args:
            warehouses: What they are on.
        """
        self._warehouses = warehouses
        self._sessions: dict[str, SqlSession] = {}
        self._ending: set[asyncio.Task[None]] = set()
        warehouses.on_stop = self._end_those_of

    def create(self, body: Json, token: str = "") -> str:
        """Make a session; its warehouse starts.

        Args:
            body: The request.
            token: What its client logged in with.

        Returns:
            Its id.

        Raises:
            ApiError: If there is no such warehouse.
        """
        warehouse_id = read_required_string(body, "warehouse_id")
        session_id = str(uuid.uuid4())
        order = SessionOrder(
            session_id, read_name(body, "catalog"), read_name(body, "schema"), read_conf(body)
        )
        given = {name.lower(): value for name, value in read_strings(body, "session_confs").items()}
        tags = tags_of_setting(given.get("query_tags", ""))
        timeout = read_timeout(given, TIMEOUT) if TIMEOUT in given else None
        self._warehouses.start(warehouse_id)
        self._sessions[session_id] = SqlSession(warehouse_id, order, tags, timeout, token)
        return session_id

    async def delete(self, session_id: str) -> None:
        """End a session.

        Raises:
            ApiError: If there is none.
        """
        if session_id not in self._sessions:
            raise session_missing(session_id)
        await self.end(session_id)

    async def end(self, session_id: str) -> None:
        """End a session, if it is there."""
        session = self._sessions.pop(session_id, None)
        if session is None:
            return
        warehouse = self._warehouses.running(session.warehouse_id)
        if warehouse is not None:
            await warehouse.close_session(session_id)

    def end_those_with(self, token: str) -> None:
        """End the sessions of a task that has ended: a client that was killed cannot do it."""
        for session_id, session in list(self._sessions.items()):
            if session.token and session.token == token:
                ending = asyncio.create_task(self.end(session_id))
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)

    def of(self, request: StatementRequest) -> SqlSession:
        """The session in which a statement is executed.

        Raises:
            ApiError: If the request names one that is not there.
        """
        if not request.session_id:
            return SqlSession(request.warehouse_id, SessionOrder("", request.catalog, request.schema))
        session = self._sessions.get(request.session_id)
        if session is None or session.warehouse_id != request.warehouse_id:
            raise session_missing(request.session_id)
        return session

    def count(self, warehouse_id: str) -> int:
        """How many sessions a warehouse has."""
        return sum(session.warehouse_id == warehouse_id for session in self._sessions.values())

    def _end_those_of(self, warehouse_id: str) -> None:
        for session_id, session in list(self._sessions.items()):
            if session.warehouse_id == warehouse_id:
                del self._sessions[session_id]
