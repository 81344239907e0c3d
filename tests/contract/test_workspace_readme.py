"""The examples of the README, executed."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import databricks_local
import pytest
from databricks.sdk import WorkspaceClient

from .workspace_lab import Lab

README = Path(databricks_local.__file__).with_name("README.md")


def examples() -> dict[str, str]:
    """The Python blocks by the heading that they are under."""
    found: dict[str, str] = {}
    for part in re.split(r"^## ", README.read_text(), flags=re.MULTILINE)[1:]:
        for block in re.findall(r"```python\n(.*?)```", part, re.DOTALL):
            found.setdefault(part.partition("\n")[0], block)
    return found


def execute(name: str, **names: Any) -> None:
    exec(compile(examples()[name], str(README), "exec"), {"WorkspaceClient": WorkspaceClient, **names})


def test_in_your_own_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/dev/null")
    execute("In your own tests", tmp_path=tmp_path)


def test_faults(lab: Lab) -> None:
    try:
        execute("Faults", workspace=lab.workspace)
        assert len(lab.workspace.faults.show()) == 7
    finally:
        lab.workspace.faults.clear()


def test_what_a_client_costs(lab: Lab) -> None:
    execute("What a client costs", workspace=lab.workspace, client=lab.sdk)


def test_every_option_is_there() -> None:
    command = [sys.executable, "-m", "databricks_local", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    offered = set(re.findall(r"^  (--[a-z-]+)", told, re.MULTILINE))
    named = set(re.findall(r"`(--[a-z-]+)", README.read_text()))
    assert named <= offered
    assert offered - named <= {"--host", "--port"}
