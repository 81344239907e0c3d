"""The examples of the README, executed."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import databricks_local
import pytest

from .job_lab import own_workspace
from .workspace_lab import Lab

README = Path(databricks_local.__file__).with_name("README.md")
PROJECT = Path(__file__).parents[2] / "pyproject.toml"

pytest_plugins = ["pytester"]


def examples(name: str) -> list[str]:
    """The Python blocks under a heading."""
    parts = re.split(r"^## ", README.read_text(), flags=re.MULTILINE)
    part = next(part for part in parts if part.partition("\n")[0] == name)
    return re.findall(r"```python\n(.*?)```", part, re.DOTALL)


def execute(name: str, **names: Any) -> None:
    """Run the blocks under a heading, one after the other, in one namespace."""
    blocks = examples(name)
    assert blocks
    for block in blocks:
        exec(compile(block, str(README), "exec"), names)


def test_in_your_own_tests() -> None:
    execute("In your own tests")


def test_with_pytest(pytester: pytest.Pytester) -> None:
    test, conftest = examples("With pytest")
    pytester.makepyfile(test)
    pytester.makeconftest(conftest)
    pytester.runpytest_subprocess("-p", "no:hypothesispytest", "-p", "no:xdist").assert_outcomes(passed=1)


def test_what_to_install_is_what_the_project_declares() -> None:
    project = tomllib.loads(PROJECT.read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["local"]]
    (line,) = re.findall(r"^    uv pip install '(.*)'$", README.read_text(), re.MULTILINE)
    wanted = line.split("' '")
    assert wanted
    assert [each for each in wanted if each not in declared] == []


def test_tables(lab: Lab) -> None:
    execute("Tables", client=lab.sdk)
    lab.sdk.schemas.delete("main.sales", force=True)


def test_faults(lab: Lab) -> None:
    try:
        execute("Faults", workspace=lab.workspace)
        assert len(lab.workspace.faults.show()) == 7
    finally:
        lab.workspace.faults.clear()


def test_what_a_client_costs(lab: Lab) -> None:
    execute("What a client costs", workspace=lab.workspace, client=lab.sdk)


def test_time(tmp_path: Path) -> None:
    with own_workspace(tmp_path) as lab:
        execute("Time", workspace=lab.workspace, client=lab.sdk)


def test_every_option_is_there() -> None:
    command = [sys.executable, "-m", "databricks_local", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    offered = set(re.findall(r"^  (--[a-z-]+)", told, re.MULTILINE))
    named = set(re.findall(r"`(--[a-z-]+)", README.read_text()))
    assert named <= offered
    assert offered - named <= {"--host", "--port"}
