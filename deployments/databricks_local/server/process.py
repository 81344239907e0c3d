"""The process of the server: its log, its signals, and what its forked processes must not inherit."""

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def log_to_stderr() -> None:
    """Write what the workspace tells to stderr, each line with its time."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("databricks_local")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


@contextmanager
def signals_end_quietly() -> Iterator[None]:
    """Uvicorn repeats the signal that stopped it, which would end this process with an error. Ignore it."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def nothing_imported_from_main() -> Iterator[None]:
    """Keep multiprocessing from running the script that called `serve` again in each forked process."""
    main = vars(sys.modules["__main__"])
    hidden = {name: main.pop(name) for name in ("__file__", "__spec__") if main.get(name) is not None}
    main.setdefault("__spec__", None)
    try:
        yield
    finally:
        main.update(hidden)
