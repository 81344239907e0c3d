"""The Spark session of a task ends with it: its streams, cached frames and views must not go on."""

import contextlib
import os
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

RELEASE_SECONDS = 10.0
"""How long a server that does not answer may hold up the end of a task."""


def url_of_session(remote: str, session: str) -> str:
    """The URL of a server, with the id of a session.

    Example:
        >>> url_of_session("sc://127.0.0.1:15002", "1"), url_of_session("sc://host/;token=t", "1")
        ('sc://127.0.0.1:15002/;session_id=1', 'sc://host/;token=t;session_id=1')
    """
    separator = ";" if "/;" in remote else "/;"
    return f"{remote.rstrip('/;')}{separator}session_id={session}"


def release(spark: Any) -> None:
    """End the session of this process on its server."""
    # A notebook that has asked Spark for nothing has no session there.
    if not spark.is_stopped and spark.client._server_session_id is not None:
        ending = threading.Thread(target=spark.stop, name="release-session", daemon=True)
        ending.start()
        ending.join(RELEASE_SECONDS)


def release_main(connection: Connection, remote: str, session: str, environment: Mapping[str, str]) -> None:
    """End the session of a process that was killed.

    Args:
        connection: The line to the server, which learns by its end that this is done.
        remote: The Spark Connect server.
        session: The id of the session.
        environment: The variables of the task: the user whom they name is part of a session's name.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client import SparkConnectClient

    os.environ.update(environment)
    with contextlib.suppress(PySparkException):
        SparkConnectClient(url_of_session(remote, session)).release_session()
    connection.close()
