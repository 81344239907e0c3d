"""Names of files as text that a database, a log and the Prefect server take."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Write bytes of a file name that are not UTF-8 as `\udcff`.

    Python keeps them as surrogates (PEP 383), which cannot be encoded: a flow whose error holds one stays in
    the state Running, as its end cannot be sent.
    """
    return text.encode("utf-8", "backslashreplace").decode()
