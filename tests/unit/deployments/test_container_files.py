"""The files of `deployments/containers/` fit the project and the workers that read them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec
from uuid import uuid4

import pytest
import yaml
from botocore.session import get_session
from botocore.validate import ParamValidator
from docker.models.containers import RUN_CREATE_KWARGS, RUN_HOST_CONFIG_KWARGS
from docker.types import HostConfig
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect_aws.workers.ecs_worker import ECSJobConfiguration, ECSWorker

ROOT = Path(__file__).parents[3]
FILES = ROOT / "deployments" / "containers"
TEMPLATES = {
    name: json.loads((FILES / f"{name}.json").read_text()) for name in ("docker", "kubernetes", "ecs")
}


def project(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def test_containers_run_what_prefect_yaml_deploys() -> None:
    here, containers = project(ROOT / "prefect.yaml"), project(FILES / "prefect.yaml")
    assert containers["pull"] == [{"prefect.deployments.steps.set_working_directory": {"directory": "."}}]
    assert not containers.get("build")
    pool = {"name": "{{ $WORK_POOL }}", "job_variables": {"image": "{{ $IMAGE }}"}}
    expected = [{**deployment, "work_pool": pool} for deployment in here["deployments"]]
    assert containers["deployments"] == expected


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_variable_is_used_explained_and_no_secret(name: str) -> None:
    template = TEMPLATES[name]
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(template["job_configuration"])))
    variables = template["variables"]["properties"]
    assert used == variables.keys()
    assert all(described["description"].endswith(".") for described in variables.values())
    assert not re.search(r"AKIA|pnu_|dapi|hooks\.slack", json.dumps(template))


def test_docker_takes_the_options_of_the_containers() -> None:
    options = dict(TEMPLATES["docker"]["job_configuration"]["container_create_kwargs"])
    assert options.keys() <= {*RUN_CREATE_KWARGS, *RUN_HOST_CONFIG_KWARGS}
    assert options.pop("user") == "1000:1000"
    options["nano_cpus"] = TEMPLATES["docker"]["variables"]["properties"]["nano_cpus"]["default"]
    host = HostConfig(version="1.44", **options)
    assert (host["NanoCpus"], host["CapDrop"]) == (2_000_000_000, ["ALL"])


def requests_of_the_ecs_worker(**values: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the worker asks ECS for: a task definition, and a task."""

    # No value refers to a block, so the server is not asked.
    no_server = create_autospec(PrefectClient)
    configuration = asyncio.run(
        ECSJobConfiguration.from_template_and_values(TEMPLATES["ecs"], values, client=no_server)
    )
    assert no_server.mock_calls == []
    run = FlowRun(id=uuid4(), flow_id=uuid4(), name="a-run")
    configuration.prepare_for_flow_run(run)
    # Which subnets there are would be asked of AWS.
    worker = type("Worker", (ECSWorker,), {"_load_network_configuration": lambda *_: {}})(work_pool_name="x")
    definition = worker._prepare_task_definition(configuration, region="eu-west-1", flow_run=run)
    task = worker._prepare_task_run_request(configuration, definition, "arn:aws:ecs:task-definition", True)
    return definition, task


def test_ecs_takes_what_its_worker_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "hidden:hidden")
    monkeypatch.setenv("PREFECT_HOME", "/home/of-the-worker")
    definition, task = requests_of_the_ecs_worker(
        image="registry.example.com/databricks-flows:1",
        execution_role_arn="arn:aws:iam::1:role/execution",
        task_role_arn="arn:aws:iam::1:role/flow",
        prefect_api_auth_string_secret_arn="arn:aws:secretsmanager:eu-west-1:1:secret:prefect",
        env={"AWS_REGION": "eu-west-1"},
    )
    service = get_session().get_service_model("ecs")
    for operation, request in (("RegisterTaskDefinition", definition), ("RunTask", task)):
        report = ParamValidator().validate(request, service.operation_model(operation).input_shape)
        assert not report.has_errors(), report.generate_report()
    [container] = definition["containerDefinitions"]
    assert (container["image"], container["user"]) == ("registry.example.com/databricks-flows:1", "1000")
    assert (definition["cpu"], definition["memory"]) == ("1024", "2048")
    assert [secret["name"] for secret in container["secrets"]] == ["PREFECT_API_AUTH_STRING"]
    assert container["logConfiguration"]["logDriver"] == "awslogs"
    [override] = task["overrides"]["containerOverrides"]
    assert {"name": "AWS_REGION", "value": "eu-west-1"} in override["environment"]
    assert override["command"] == ["prefect", "flow-run", "execute"]
    assert not re.search("hidden|of-the-worker", json.dumps([definition, task]))


def test_ecs_is_not_asked_without_the_role_that_pulls_the_image() -> None:
    with pytest.raises(ValueError, match="`execution_role_arn` must be provided"):
        requests_of_the_ecs_worker()
