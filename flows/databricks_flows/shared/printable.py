"""Names of files as text that a database, a log and the Prefect server accept."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Write bytes of a file name that are not UTF-8 as `\udcff`.

    Python keeps such bytes as surrogates (PEP 383), which cannot be encoded. A flow whose error holds one
    stays in the state Running, because its end cannot be sent to the server.
    """
    return text.encode("utf-8", "backslashreplace").decode()
