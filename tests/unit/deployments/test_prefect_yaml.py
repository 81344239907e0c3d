"""`prefect.yaml` says what the flows and the steps take; what does not fit would show only in a run."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from databricks_flows.green_energy.assets import asset_key
from databricks_flows.green_energy.facility_files import FACILITIES
from databricks_flows.green_energy.place import CATALOG, SCHEMA
from databricks_flows.renewable.notebook_job import NOTEBOOK_DIRECTORY
from dbflow.run import WORK_POOL
from dbflow.steps import import_notebooks
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.cli.deploy._schedules import _schedule_config_to_deployment_schedule
from prefect.client.schemas.objects import ConcurrencyLimitStrategy
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.server.utilities.user_templates import render_user_template_sync
from prefect.utilities.callables import parameter_schema
from prefect.utilities.importtools import import_object

FILE = Path(__file__).parents[3] / "prefect.yaml"
PROJECT: dict[str, Any] = yaml.safe_load(FILE.read_text())
DEPLOYMENTS: dict[str, dict[str, Any]] = {found["name"]: found for found in PROJECT["deployments"]}


def flow_of(deployment: dict[str, Any]) -> Flow[..., Any]:
    return load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)


def test_all_flows_that_people_start_are_deployed() -> None:
    PrefectYamlModel.model_validate(PROJECT)
    assert {name: flow_of(found).name for name, found in DEPLOYMENTS.items()} == {
        "renewable-analysis": "renewable-analysis",
        "renewable-analysis-all-countries": "renewable-analysis",
        "load-green-energy": "load-green-energy",
        "analyse-green-energy": "analyse-green-energy",
        "repair-databricks-run": "repair-databricks-run",
        "cancel-databricks-run": "cancel-databricks-run",
        "run-existing-job": "run-existing-job",
        "load-csv-files": "load-csv-files",
        "sweep-leftovers": "sweep-leftovers",
    }


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_fits_its_flow(name: str) -> None:
    deployment = DEPLOYMENTS[name]
    flow = flow_of(deployment)
    given = deployment.get("parameters", {})
    schema = parameter_schema(flow)
    assert given.keys() <= schema.properties.keys()
    if given:
        flow.validate_parameters(given)
    assert all(described.get("description") for described in schema.properties.values()), "help in the form"
    assert deployment["description"]
    assert deployment["tags"]
    assert deployment["work_pool"] == {"name": WORK_POOL}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_runs_that_collide_wait_or_are_dropped_by_a_strategy_that_prefect_knows(name: str) -> None:
    limit = DEPLOYMENTS[name].get("concurrency_limit")
    if name.startswith(("renewable", "sweep")) or "green-energy" in name:
        assert limit["limit"] == 1
        ConcurrencyLimitStrategy(limit["collision_strategy"])
    else:
        assert limit is None, "nobody who cancels a run wants to wait for another"


def test_a_schedule_is_off_until_it_is_switched_on_but_that_of_the_sweep_is_on() -> None:
    made = {
        (name, schedule["slug"]): _schedule_config_to_deployment_schedule(schedule)["active"]
        for name, deployment in DEPLOYMENTS.items()
        for schedule in deployment.get("schedules", ())
    }
    assert made == {
        ("renewable-analysis", "daily"): False,
        ("renewable-analysis-all-countries", "weekly"): False,
        ("load-green-energy", "daily"): False,
        ("sweep-leftovers", "hourly"): True,
    }


def test_the_analysis_waits_for_the_table_that_the_load_fills() -> None:
    analysis, load = DEPLOYMENTS["analyse-green-energy"], DEPLOYMENTS["load-green-energy"]
    [trigger] = analysis["triggers"]
    for name in ("catalog", "schema_name"):
        assert analysis["parameters"][name] == load["parameters"][name]
    filled = asset_key(load["parameters"]["catalog"], load["parameters"]["schema_name"], FACILITIES)
    assert trigger["match"] == {"prefect.resource.id": filled}
    assert trigger["parameters"].keys() <= parameter_schema(flow_of(analysis)).properties.keys()


@pytest.mark.parametrize("rows", [960, None])
def test_the_number_of_rows_comes_as_the_flow_takes_it(rows: int | None) -> None:
    analysis = DEPLOYMENTS["analyse-green-energy"]
    event = {"event": {"payload": {"rows": rows}, "resource": {"id": "databricks://main/elt/t"}}}
    template = analysis["triggers"][0]["parameters"]["rows"]["value"]["template"]
    given = json.loads(render_user_template_sync(template, event))
    assert given == rows
    assert flow_of(analysis).validate_parameters({"rows": given})["rows"] == rows


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for section in (PROJECT, *DEPLOYMENTS.values()):
        for kind in ("build", "push", "pull"):
            for step in section.get(kind, ()):
                yield from step.items()


@pytest.mark.parametrize(("name", "inputs"), list(steps()))
def test_a_step_gets_what_it_takes(name: str, inputs: dict[str, Any]) -> None:
    step = import_object(name)
    inspect.signature(step).bind(**{key: value for key, value in inputs.items() if key != "id"})


def test_the_notebooks_go_where_the_flow_looks_for_them() -> None:
    for name, deployment in DEPLOYMENTS.items():
        if name.startswith(("renewable", "analyse")):
            [step] = deployment["push"]
            [inputs] = step.values()
            assert inputs["directory"] == deployment["parameters"]["notebook_directory"] == NOTEBOOK_DIRECTORY
            assert inputs.keys() <= inspect.signature(import_notebooks).parameters.keys()


def values(node: Any) -> Iterator[str]:
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from values(item)
    if isinstance(node, str):
        yield node


def test_nothing_is_of_one_machine_and_nothing_secret() -> None:
    assert {text for text in values(PROJECT) if text.startswith(("/", "~")) or "://" in text} == {
        NOTEBOOK_DIRECTORY,
        asset_key(CATALOG, SCHEMA, FACILITIES),
    }
    assert not re.search(r"password|token|secret(?!\.)", "\n".join(values(PROJECT)), re.IGNORECASE)
