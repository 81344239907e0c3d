"""Prints what the workers of docker and kubernetes make of our templates; runs where both are installed.

python container_jobs.py FOLDER < values.json
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec
from uuid import uuid4

import kubernetes_validate
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect_docker.worker import DockerWorkerJobConfiguration
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration


async def configured(kind: Any, template: dict[str, Any], values: dict[str, Any]) -> Any:
    """The configuration of the job of a flow run."""
    configuration = await kind.from_template_and_values(
        template, values, client=create_autospec(PrefectClient)
    )
    configuration.prepare_for_flow_run(FlowRun(id=uuid4(), flow_id=uuid4(), name="a-run"))
    return configuration


async def main(templates: dict[str, Any], values: dict[str, Any]) -> None:
    """Print both jobs as JSON."""
    kubernetes = await configured(KubernetesWorkerJobConfiguration, templates["kubernetes"], values)
    docker = await configured(DockerWorkerJobConfiguration, templates["docker"], values)
    manifest = kubernetes.job_manifest
    # Prefect wants both in the specification of the pod too, where Kubernetes ignores them.
    pod = manifest["spec"]["template"]["spec"]
    assert (pod.pop("completions"), pod.pop("parallelism")) == (1, 1)
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    json.dump({"kubernetes": manifest, "docker": docker.model_dump(mode="json")}, sys.stdout)


folder = Path(sys.argv[1])
read = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("docker", "kubernetes")}
asyncio.run(main(read, json.load(sys.stdin)))
