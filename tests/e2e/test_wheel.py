"""The built wheel beside a user's project that has a folder `flows/` itself, in an environment of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun

from .conftest import Stack
from .source_names import SOURCE_NAMES

pytestmark = pytest.mark.container

ROOT = Path(__file__).parents[2]
PACKAGES = {"databricks_flows", "databricks_blocks", "dbflow", "databricks_local"}
# What code on Databricks imports, from the wheel as a library or from beside its notebook.
MODULE = "databricks_pipes.py"
# What travels inside a package of ours, and where it is in a checkout.
RESOURCES = {
    "dbflow/resources/notebooks": "notebooks",
    "dbflow/resources/automations": "deployments/automations",
    "dbflow/resources/containers": "deployments/containers",
}

USER_FILES = {
    "flows/helpers.py": "def word():\n    return 'hello'\n",
    "flows/greeting.py": """
from pathlib import Path

from flows.helpers import word
from prefect import flow


@flow
def greeting():
    Path("greeted").write_text(word())
""",
    "tests/test_both.py": """
import databricks_blocks, databricks_flows, databricks_local, dbflow
from databricks_flows.renewable.analysis import renewable_analysis
from flows.greeting import greeting
from flows.helpers import word


def test_both():
    assert word() == "hello"
    assert (greeting.name, renewable_analysis.name) == ("greeting", "renewable-analysis")
""",
    "script.py": """
import databricks_flows.renewable.analysis
import flows.helpers
from databricks_pipes import pipes
from dbflow.notebooks import packaged_sources

pipes.asset("heard/by/nobody", rows=1)
print(flows.helpers.word(), *sorted(packaged_sources()))
""",
    "prefect.yaml": """
name: of-a-user
pull:
  - prefect.deployments.steps.set_working_directory:
      directory: "{{ $PROJECT }}"
deployments:
  - name: by-file
    entrypoint: flows/greeting.py:greeting
    work_pool: {name: "{{ $POOL }}"}
  - name: by-module
    entrypoint: flows.greeting.greeting
    work_pool: {name: "{{ $POOL }}"}
  - name: ours
    entrypoint: databricks_flows.renewable.analysis.renewable_analysis
    parameters: {countries: [Peru]}
    work_pool: {name: "{{ $POOL }}"}
""",
}
DEPLOYMENTS = ("greeting/by-file", "greeting/by-module", "renewable-analysis/ours")


@dataclass(frozen=True)
class Built:
    """What `uv build` made: the sdist with the wheel that is built from it, and a wheel of the checkout."""

    sdist: Path
    wheel: Path
    wheel_of_checkout: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    both, alone = tmp_path_factory.mktemp("both"), tmp_path_factory.mktemp("alone")
    for options in (("-o", both), ("--wheel", "-o", alone)):
        subprocess.run(["uv", "build", "--quiet", *map(str, options), str(ROOT)], check=True)
    (sdist,), (wheel,), (other,) = both.glob("*.tar.gz"), both.glob("*.whl"), alone.glob("*.whl")
    return Built(sdist, wheel, other)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def test_the_wheel_installs_our_packages_and_no_other_name(built: Built) -> None:
    found = contents(built.wheel)
    top = {name.partition("/")[0] for name in found}
    assert {name for name in top if not name.endswith(".dist-info")} == {*PACKAGES, MODULE}
    assert found[MODULE] == (ROOT / "notebooks" / MODULE).read_bytes()
    assert {f"{package}/py.typed" for package in PACKAGES} <= found.keys()
    assert "dbflow/local/prefect/schema.sql" in found
    for inside, outside in RESOURCES.items():
        for path in (ROOT / outside).iterdir():
            if path.name in {MODULE, "__pycache__"}:
                continue
            assert found[f"{inside}/{path.name}"] == path.read_bytes()


def test_the_sdist_builds_the_same_wheel(built: Built) -> None:
    assert contents(built.wheel) == contents(built.wheel_of_checkout)
    with tarfile.open(built.sdist) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    assert {"blocks", "deployments", "flows", "notebooks", "pyproject.toml"} <= tops
    assert not tops & {".venv", ".dbflow", "output"}


@dataclass(frozen=True)
class Project:
    """A project of a user, and the environment that it runs in."""

    directory: Path
    bin: Path
    environment: dict[str, str]

    def run(self, *command: str) -> str:
        """Run a command of the environment in the project; returns what it prints."""
        done = subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment with the wheel and pytest, and nothing of the local stack."""
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(environment)], check=True)
    python = environment / "bin" / "python"
    install = ["uv", "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, str(built.wheel), "pytest"], check=True)
    return python.parent


@pytest.fixture(scope="module", params=["without __init__", "with __init__"])
def project(
    request: pytest.FixtureRequest, installed: Path, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    directory = tmp_path_factory.mktemp("project")
    for name, text in USER_FILES.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    if request.param == "with __init__":
        (directory / "flows" / "__init__.py").touch()
    server = stack.endpoints.prefect
    foreign = ("PREFECT_", "PYTEST_", "VIRTUAL_ENV", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return Project(
        directory,
        installed,
        {
            **environment,
            "PATH": f"{installed}:{environment['PATH']}",
            "PREFECT_HOME": str(directory / ".prefect"),
            "PREFECT_API_URL": server.api_url,
            "PREFECT_API_AUTH_STRING": server.auth_string,
            "PROJECT": str(directory),
            "POOL": directory.name,
        },
    )


def test_a_script_and_the_tests_of_a_user_import_both(project: Project) -> None:
    assert project.run("python", "script.py") == f"hello {' '.join(SOURCE_NAMES)}\n"
    assert "1 passed" in project.run("python", "-m", "pytest", "-q")


def flow_runs(ids: list[str]) -> list[FlowRun]:
    async def read() -> list[FlowRun]:
        async with get_client() as client:
            return await client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=ids)))

    return asyncio.run(read())


def test_flows_of_a_user_and_of_ours_are_deployed_and_run_by_one_worker(project: Project) -> None:
    pool = project.environment["POOL"]
    project.run("prefect", "work-pool", "create", pool, "--type", "process")
    project.run("prefect", "--no-prompt", "deploy", "--all")
    started = [project.run("prefect", "deployment", "run", name) for name in DEPLOYMENTS]
    ids = [next(word for word in text.split() if word.count("-") == 4) for text in started]
    log = project.run("prefect", "worker", "start", "--pool", pool, "--run-once", "--prefetch-seconds", "60")
    assert {run.state_name for run in flow_runs(ids)} == {"Completed"}, log
    assert (project.directory / "greeted").read_text() == "hello"
    assert (project.directory / "output" / "shw.png").stat().st_size > 10_000
