"""The workspace in an environment of its own, without Prefect and what else the flows need."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import databricks_local
import pytest

pytestmark = pytest.mark.container

PROJECT = Path(__file__).parents[2]
README = Path(databricks_local.__file__).with_name("README.md")
ABSENT = {"prefect", "boto3", "seaborn", "sqlalchemy", "matplotlib", "typer"}
MOST_PACKAGES = 75
"""68 when this was written, itself included; an environment for the flows has more than 150."""

SCRIPT = """
import base64
from datetime import timedelta

from databricks.sdk.service.jobs import NotebookTask, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks_local import LocalWorkspace

SOURCE = b"# Databricks notebook source\\ndbutils.notebook.exit(str(spark.range(5).count()))\\n"

if __name__ == "__main__":
    with LocalWorkspace() as workspace:
        client = workspace.client()
        client.workspace.import_(
            "/Shared/count",
            content=base64.b64encode(SOURCE).decode(),
            format=ImportFormat.SOURCE,
            language=Language.PYTHON,
        )
        task = SubmitTask(task_key="count", notebook_task=NotebookTask(notebook_path="/Shared/count"))
        run = client.jobs.submit(tasks=[task]).result(timedelta(minutes=2))
        print(client.jobs.get_run_output(run.tasks[0].run_id).notebook_output.result)
"""

PYTEST = """
def test_a_client(databricks_client):
    assert databricks_client.current_user.me().active
"""


def run(*command: str | Path, cwd: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_workspace_needs_nothing_of_the_flows(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    venv = tmp_path / "venv"
    hidden = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment["VIRTUAL_ENV"] = str(venv)
    run("uv", "build", "--wheel", "--out-dir", tmp_path / "dist", cwd=PROJECT, environment=environment)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    run("uv", "venv", venv, cwd=tmp_path, environment=environment)
    commands = re.findall(r"^    (uv pip install .*)$", README.read_text(), re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        words = [str(wheel) if word == "databricks-flows" else word for word in shlex.split(command)]
        run(*words, cwd=tmp_path, environment=environment)
    listed = json.loads(run("uv", "pip", "list", "--format", "json", cwd=tmp_path, environment=environment))
    installed = {package["name"] for package in listed}
    record_property("packages", len(installed))
    assert "databricks-flows" in installed
    assert not ABSENT & installed
    assert len(installed) <= MOST_PACKAGES, sorted(installed)

    python = venv / "bin" / "python"
    (tmp_path / "script.py").write_text(SCRIPT)
    assert run(python, "script.py", cwd=tmp_path, environment=environment).split() == ["5"]
    run("uv", "pip", "install", "pytest", cwd=tmp_path, environment=environment)
    (tmp_path / "test_client.py").write_text(PYTEST)
    assert "1 passed" in run(python, "-m", "pytest", "-q", cwd=tmp_path, environment=environment)
