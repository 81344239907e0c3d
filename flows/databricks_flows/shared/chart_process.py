"""The process that draws a chart, started before there is anything to draw."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from databricks_flows.shared.patience import current_patience

_PASSED_ON = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TZDIR", "TMPDIR", "TMP",
    "TEMP", "XDG_*", "MPLCONFIGDIR", "FONTCONFIG_*", "LD_LIBRARY_PATH", "DYLD_*", "NIX_LD", "NIX_LD_*",
    # Windows.
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA",
    "PROGRAMDATA",
    # Where modules are, and how many threads numeric libraries use.
    "PYTHONPATH", "PYTHONHOME", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "PYTHONUTF8",
    "PYTHONIOENCODING", "PYTHONUNBUFFERED", "VIRTUAL_ENV", "CONDA_PREFIX", "OMP_*", "OPENBLAS_*", "MKL_*",
    "NVPL_*", "NUMEXPR_*", "RAYON_*", "TOKIO_*", "MALLOC_*", "CUDA_VISIBLE_DEVICES",
)  # fmt: skip
"""The variables that it gets, by pattern. It draws, and needs no login of the worker that starts it.

They are those that the processes of the local workspace get, which is another package; a test compares them.
"""


_SECONDS_BETWEEN_LOOKS = 0.5


def chart_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What the process gets of an environment."""
    return {
        name: value
        for name, value in environment.items()
        if any(fnmatchcase(name, pattern) for pattern in _PASSED_ON)
    }


class ChartProcess:
    """A process that has imported its libraries and waits for what it has to draw."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def draw(self, *request: Any) -> str:
        """Draw one chart; then the process ends, at the latest with the flow run.

        Args:
            *request: What the module of the chart reads, as JSON.

        Returns:
            The title of the chart.

        Raises:
            RuntimeError: The process failed; the message has the last line that it wrote.
        """
        sent: str | None = json.dumps(request)
        patience = current_patience()
        while True:
            try:
                title, errors = self._process.communicate(sent, timeout=_SECONDS_BETWEEN_LOOKS)
                break
            except subprocess.TimeoutExpired:
                sent = None
                if patience.has_ended:
                    self._process.kill()
        if self._process.returncode:
            last_line = errors.strip().rpartition("\n")[2]
            raise RuntimeError(f"The chart could not be drawn: {last_line or self._process.returncode}")
        return title


@contextmanager
def chart_process(module: str) -> Iterator[ChartProcess]:
    """Start the process. It ends with the `with` block, or when the process that started it dies.

    Args:
        module: Draws a chart when it is run: reads a request from its standard input, and writes the title.
    """
    process = subprocess.Popen(  # noqa: S603 - a module of this package, and no shell
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=chart_environment(os.environ),
        cwd=Path(__file__).parents[2],  # the folder of this package, so that no module of the user shadows it
        start_new_session=True,  # Ctrl-C reaches only the flow, which then ends this process
    )
    try:
        yield ChartProcess(process)
    finally:
        process.kill()
        process.communicate()
