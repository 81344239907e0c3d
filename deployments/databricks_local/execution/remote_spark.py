"""A Spark Connect server that somebody else runs, which all clusters use."""

import asyncio
from urllib.parse import urlsplit

DEFAULT_PORT = 15002
"""Docs: Spark Connect."""

REACH_SECONDS = 10


def spark_address(remote: str) -> tuple[str, int]:
    """The host and port of a Spark Connect URL such as `sc://host:15002/;token=...`.

    Raises:
        ValueError: If the URL is invalid, or names a session, which all clusters would share.
    """
    parts = urlsplit(remote)
    if parts.scheme != "sc" or not parts.hostname:
        raise ValueError("--spark-remote must be a URL such as sc://host:15002")
    options = parts.path.lstrip("/").split(";")
    if any(option.partition("=")[0] == "session_id" for option in options):
        raise ValueError("--spark-remote must not have a session_id: each task has a session of its own")
    return parts.hostname, parts.port or DEFAULT_PORT


async def reach(remote: str) -> None:
    """Check that the server can be reached.

    Raises:
        ConnectionError: If it cannot; the message has the host and port, and no secret of the URL.
    """
    host, port = spark_address(remote)
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), REACH_SECONDS)
    except OSError as error:
        where = f"No Spark Connect server can be reached at {host}:{port}"
        raise ConnectionError(f"{where}: {_reason(error)}") from error
    writer.close()


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    return "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
