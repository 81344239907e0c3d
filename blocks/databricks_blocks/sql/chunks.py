"""Fetches a chunk of a result by its link: a short-lived address of a storage, without the login."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from databricks_blocks.errors import DatabricksRunRefused, DatabricksUnreachable
from databricks_blocks.workspace.polling import DEFAULT_POLLING, PollingPolicy

if TYPE_CHECKING:
    import pyarrow

_SECONDS_FOR_AN_ANSWER = (10, 60)
_MOST_REFUSALS = 3
"""A new link that is refused as often, one after the other, is refused for good."""
_REFUSED = (401, 403)


def fetched_batches(
    link: Callable[[], str],
    *,
    policy: PollingPolicy = DEFAULT_POLLING,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[pyarrow.RecordBatch]:
    """Stream a chunk in the format `ARROW_STREAM`.

    A connection that breaks off is made anew, with a new link, since one is good for 15 minutes; batches
    that came already are not given again.

    Args:
        link: Gives a link to the chunk.
        policy: When to try again, and how long to put up with no answer.
        clock: Seconds that only grow.
        sleep: Waits for a number of seconds.

    Raises:
        DatabricksRunRefused: The storage refuses new links.
        DatabricksUnreachable: The storage, or the workspace with the links, did not answer for too long.
    """
    import pyarrow as pa
    import requests
    from urllib3.exceptions import HTTPError

    given, answered, refusals = 0, clock(), 0
    address = ""
    while True:
        try:
            address = link()
            for number, batch in enumerate(_batches(address)):
                if number >= given:
                    yield batch
                    given, answered, refusals = given + 1, clock(), 0
        except (
            requests.RequestException,
            HTTPError,
            OSError,
            pa.ArrowInvalid,
            DatabricksUnreachable,
        ) as error:
            away, why = clock() - answered, _told(error, address)
            refusals = refusals + 1 if _status(error) in _REFUSED else 0
            # Not "from" the error: its text has the link, which is a login to the storage.
            if refusals >= _MOST_REFUSALS:
                raise DatabricksRunRefused(f"the storage refuses its links: {why}") from None
            if policy.gives_up(away):
                raise DatabricksUnreachable(
                    f"the storage with the rows did not answer for {away:.0f} s: {why}"
                ) from None
            sleep(policy.pause(away))
        else:
            return


def _status(error: Exception) -> int:
    return getattr(getattr(error, "response", None), "status_code", 0)


def _told(error: Exception, address: str) -> str:
    """What can be told of an error: the link cannot."""
    if isinstance(error, DatabricksUnreachable):
        return error.message
    words = [type(error).__name__, str(_status(error) or ""), "at", urlsplit(address).hostname or ""]
    return " ".join(filter(None, words))


def _batches(link: str) -> Iterator[pyarrow.RecordBatch]:
    import pyarrow as pa
    import requests

    with (
        # The login of a .netrc would be refused: the link has its own.
        requests.get(link, stream=True, timeout=_SECONDS_FOR_AN_ANSWER, auth=_no_login) as answer,
    ):
        answer.raise_for_status()
        answer.raw.decode_content = True
        with pa.ipc.open_stream(answer.raw) as reader:
            yield from reader


def _no_login(request: Any) -> Any:
    return request
