"""The peak of the memory of this process, on Linux (man 5 proc: VmHWM)."""

from __future__ import annotations

import re
from pathlib import Path


def peak_mebibytes() -> float:
    """Highest resident memory of this process; `getrusage` would count that of the one it was forked from."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) / 1024
