"""The parameters of runs: how requests give them, and how tasks get them. Pure."""

from typing import Any

from databricks_local.api.bodies import Json, read_object, read_strings
from databricks_local.api.errors import invalid_parameter, malformed_request, mixed_parameters
from databricks_local.api.sizes import json_size
from databricks_local.jobs.specs import Parameters

MAX_LEGACY_BYTES = 10_000
"""Docs: "The JSON representation of this field cannot exceed 10,000 bytes"."""

_LEGACY_MAPS = ("notebook_params", "python_named_params", "sql_params")
_LEGACY_LISTS = ("jar_params", "python_params", "spark_submit_params", "dbt_commands")


def read_parameters(body: Json, defaults: dict[str, str]) -> Parameters:
    """Read the parameters of `run-now` or `repair`.

    Parameters that the job does not declare are accepted, too, and passed to the tasks.

    Args:
        body: The request.
        defaults: The parameters that the job declares, with their defaults.
    """
    overriding = read_overriding(body)
    return Parameters(
        job={**defaults, **read_strings(body, "job_parameters")},
        defaults=defaults,
        notebook=overriding.get("notebook_params", {}),
        overriding=overriding,
    )


def read_overriding(body: Json) -> dict[str, Any]:
    """Read the fields that are older than `job_parameters`, or refuse them together with those.

    Args:
        body: A request, or a `run_job_task`, which has the same fields.
    """
    overriding = _older_fields(body)
    job_parameters = read_strings(body, "job_parameters")
    for name, given in overriding.items():
        if json_size({name: given}) > MAX_LEGACY_BYTES:
            raise invalid_parameter(f"{name} must be at most {MAX_LEGACY_BYTES} bytes as JSON.")
        if job_parameters and name != "pipeline_params":
            raise mixed_parameters(name)
    if "notebook_params" in overriding and "jar_params" in overriding:
        # Docs: "notebook_params cannot be specified in conjunction with jar_params".
        raise invalid_parameter("notebook_params cannot be specified in conjunction with jar_params.")
    return overriding


def _older_fields(body: Json) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _LEGACY_MAPS:
        values = read_strings(body, name)
        if values:
            found[name] = values
    for name in _LEGACY_LISTS:
        items = body.get(name)
        if items is not None and not (
            isinstance(items, list) and all(isinstance(item, str) for item in items)
        ):
            raise malformed_request(
                f"Could not parse request object: Expected a list of strings for field '{name}'"
            )
        if items:
            found[name] = items
    if read_object(body, "pipeline_params") is not None:
        found["pipeline_params"] = body["pipeline_params"]
    return found


def pushed_down(base: dict[str, str], parameters: Parameters) -> dict[str, str]:
    """The parameters of a notebook: job parameters win over its own (docs: job parameter push-down).

    `notebook_params` of the request win over both (docs: run-now parameters override `base_parameters`).
    """
    return {**base, **parameters.job, **parameters.notebook}


def parameters_json(parameters: Parameters) -> list[Json]:
    """`job_parameters` as `runs/get` shows them."""
    return [
        {"name": name, "default": parameters.defaults.get(name, ""), "value": value}
        for name, value in parameters.job.items()
    ]
