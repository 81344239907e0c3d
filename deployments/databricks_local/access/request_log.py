"""The requests that were made, so that tests can count them."""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from urllib.parse import parse_qsl, urlencode

from databricks_local.api.bodies import Json

MAX_REQUESTS = 10_000
_SECRET_WORDS = ("token", "secret", "signature", "password", "credential", "code")

_HARMLESS = frozenset({"page_token", "idempotency_token", "error_code"})

MAX_QUERY_CHARACTERS = 1_000


@dataclass(frozen=True)
class LoggedRequest:
    """One request.

    Attributes:
        id: Its number, from 1, in the order in which they ended.
        time: When it came, in milliseconds since 1970.
        method: Its method.
        path: Its path.
        query: Its query, without secrets.
        status: The status of the answer; None if there was none.
        milliseconds: How long it took.
    """

    id: int
    time: int
    method: str
    path: str
    query: str
    status: int | None
    milliseconds: float


class RequestLog:
    """The last requests. Used from the event loop only."""

    def __init__(self, clock: Callable[[], int], size: int = MAX_REQUESTS) -> None:
        self._clock = clock
        self._last_id = 0
        self._kept: deque[LoggedRequest] = deque(maxlen=size)

    def note(self, method: str, path: str, query: bytes, status: int | None, seconds: float) -> None:
        """Add a request that ended.

        Args:
            method: Its method.
            path: Its path.
            query: Its query as it was sent.
            status: The status of the answer; None if there was none.
            seconds: How long it took.
        """
        self._last_id += 1
        milliseconds = round(seconds * 1000, 2)
        self._kept.append(
            LoggedRequest(
                id=self._last_id,
                time=self._clock() - round(milliseconds),
                method=method,
                path=path,
                query=public_query(query),
                status=status,
                milliseconds=milliseconds,
            )
        )

    def show(self, prefix: str, since_id: int, limit: int) -> tuple[list[Json], bool]:
        """The requests after one, the oldest first.

        Args:
            prefix: The beginning of their path.
            since_id: The last one that is known already.
            limit: How many at most.

        Returns:
            The requests, and whether there are more.
        """
        wanted = (item for item in self._kept if item.id > since_id and item.path.startswith(prefix))
        found = [asdict(item) for item in islice(wanted, limit + 1)]
        return found[:limit], len(found) > limit

    @property
    def last_id(self) -> int:
        """The id of the last request."""
        return self._last_id

    def clear(self) -> None:
        """Forget all requests. The ids continue."""
        self._kept.clear()


def public_query(query: bytes) -> str:
    """A query without the values of parameters whose names sound secret."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    shown = [(name, "***" if _is_secret(name) else value) for name, value in pairs]
    return urlencode(shown, safe="/*:,")[:MAX_QUERY_CHARACTERS]


def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return lowered not in _HARMLESS and any(word in lowered for word in _SECRET_WORDS)
