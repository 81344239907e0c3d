"""Fetches a chunk of a result by its link: a short-lived address of a storage, without the login."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from databricks_blocks.errors import DatabricksUnreachable
from databricks_blocks.workspace.polling import DEFAULT_POLLING, PollingPolicy

if TYPE_CHECKING:
    import pyarrow

_SECONDS_FOR_AN_ANSWER = (10, 60)


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
        DatabricksUnreachable: The storage did not answer for too long.
    """
    import pyarrow as pa
    import requests
    from urllib3.exceptions import HTTPError

    given, answered = 0, clock()
    while True:
        try:
            for number, batch in enumerate(_batches(link())):
                if number >= given:
                    yield batch
                    given, answered = given + 1, clock()
        except (requests.RequestException, HTTPError, OSError, pa.ArrowInvalid) as error:
            away = clock() - answered
            if policy.gives_up(away):
                raise DatabricksUnreachable(
                    f"the storage with the rows did not answer for {away:.0f} s: {type(error).__name__}"
                ) from error
            sleep(policy.pause(away))
        else:
            return


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
