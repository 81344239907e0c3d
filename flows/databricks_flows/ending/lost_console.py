"""A flow whose output nobody reads any more: its worker was killed, and the pipe between them is broken."""

from __future__ import annotations

import logging
from functools import partial

from prefect.logging.handlers import PrefectConsoleHandler


def outlive_console() -> None:
    """Let the flows of this process go on without a console when it is gone.

    Prefect prints its log by Rich, which ends the process at the first line that it cannot write. The flow
    would take that for a cancel, and end the Databricks run that it has paid for. The log goes on in Prefect.
    """
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        if isinstance(handler, PrefectConsoleHandler):
            # Rich says: replace it to change what happens.
            vars(handler.console)["on_broken_pipe"] = partial(setattr, handler.console, "quiet", True)
