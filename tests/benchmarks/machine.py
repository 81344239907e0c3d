"""The machine that a benchmark runs on, and where it prints."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console


def open_console(packages: Sequence[str]) -> Console:
    """Open the terminal, or what is wide enough for a table in its place, and print machine and versions."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    console.print(f"{_processor()}, {os.cpu_count()} cores, {platform.platform()}")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    console.print(f"Python {platform.python_version()}, {versions}", soft_wrap=True)
    return console


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    text = information.read_text(encoding="utf-8") if information.exists() else ""
    model = re.search(r"model name\s*: (.+)", text)
    return model[1] if model else platform.processor() or platform.machine()
