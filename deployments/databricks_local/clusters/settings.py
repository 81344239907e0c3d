"""The settings of all-purpose clusters: read, changed, and turned into what is started. Pure."""

from databricks_local.api.bodies import (
    Json,
    read_integer,
    read_object,
    read_required_string,
    read_string,
)
from databricks_local.api.errors import invalid_parameter
from databricks_local.jobs.compute import parse_cluster
from databricks_local.jobs.specs import ClusterSpec

MAX_WORKERS = 100_000
MIN_IDLE_MINUTES, MAX_IDLE_MINUTES = 10, 10_000
"""Docs: autotermination_minutes; 0 is never."""

SIZE_FIELDS = ("num_workers", "autoscale")
_NOT_SETTINGS = frozenset({"cluster_id", "libraries", "clone_from", "idempotency_token"})


def read_settings(body: Json) -> Json:
    """Read and check the settings of a cluster.

    Raises:
        ApiError: If something is missing or has the wrong type.
    """
    read_required_string(body, "spark_version")
    if not (read_string(body, "node_type_id") or read_string(body, "instance_pool_id")):
        raise invalid_parameter("Missing required field: node_type_id")
    read_size(body)
    read_string(body, "cluster_name")
    minutes = read_integer(body, "autotermination_minutes")
    if minutes and not MIN_IDLE_MINUTES <= minutes <= MAX_IDLE_MINUTES:
        raise invalid_parameter(
            f"autotermination_minutes must be 0 or between {MIN_IDLE_MINUTES} and {MAX_IDLE_MINUTES}."
        )
    spec = parse_cluster(body)
    return {
        **{field: value for field, value in body.items() if field not in _NOT_SETTINGS},
        "num_workers": read_integer(body, "num_workers"),
        "autotermination_minutes": minutes,
        "spark_conf": spec.spark_conf,
        "spark_env_vars": spec.spark_env_vars,
    }


def read_size(body: Json) -> Json:
    """The fields of a cluster's size.

    Raises:
        ApiError: If the size is invalid.
    """
    workers = read_integer(body, "num_workers")
    if not 0 <= workers <= MAX_WORKERS:
        raise invalid_parameter(f"num_workers must be between 0 and {MAX_WORKERS}.")
    autoscale = read_object(body, "autoscale") or {}
    if read_integer(autoscale, "min_workers") > read_integer(autoscale, "max_workers"):
        raise invalid_parameter("autoscale.max_workers must not be less than autoscale.min_workers.")
    return size_of(body)


def resized(settings: Json, body: Json) -> Json:
    """The settings after `clusters/resize`. One kind of size replaces the other."""
    size = read_size(body)
    if sum(body.get(name) is not None for name in SIZE_FIELDS) != 1:
        raise invalid_parameter("Exactly one of num_workers and autoscale must be specified.")
    return {
        "num_workers": 0,
        **{name: settings[name] for name in settings if name not in SIZE_FIELDS},
        **size,
    }


def updated_settings(settings: Json, mask: str, changes: Json) -> Json:
    """The settings after `clusters/update`.

    Args:
        settings: The present ones.
        mask: `update_mask`: paths of fields, with commas between them, or `*` for all (docs: AIP-161).
        changes: `cluster`; a field of the mask that is not in it is removed.

    Raises:
        ApiError: If the result is invalid.
    """
    if mask == "*":
        return read_settings(changes)
    updated = dict(settings)
    for path in mask.split(","):
        name, _, inner = path.partition(".")
        if inner:
            given = (read_object(changes, name) or {}).get(inner)
            updated[name] = {**(read_object(updated, name) or {}), inner: given}
        elif changes.get(name) is None:
            updated.pop(name, None)
        else:
            updated[name] = changes[name]
    return read_settings(updated)


def size_of(settings: Json) -> Json:
    """The size of a cluster, as its events have it: how it scales, or how many workers it has."""
    autoscale = settings.get("autoscale")
    return {"autoscale": autoscale} if autoscale else {"num_workers": settings.get("num_workers", 0)}


def workers_of(settings: Json) -> int:
    """The number of workers that a cluster reports; one that scales reports its minimum."""
    autoscale = read_object(settings, "autoscale")
    return (
        read_integer(settings, "num_workers") if autoscale is None else read_integer(autoscale, "min_workers")
    )


def spec_of(settings: Json) -> ClusterSpec:
    """The settings that matter on one machine."""
    return parse_cluster(settings)
