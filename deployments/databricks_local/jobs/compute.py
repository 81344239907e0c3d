"""Reads what tasks run on: clusters of their own, shared ones, all-purpose ones, serverless. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from databricks_local.api import errors
from databricks_local.api.bodies import (
    Json,
    read_integer,
    read_object,
    read_objects,
    read_required_string,
    read_string,
    read_strings,
)
from databricks_local.api.errors import invalid_parameter
from databricks_local.jobs.engines import read_engine
from databricks_local.jobs.libraries import (
    Environment,
    Library,
    parse_environments,
    parse_libraries,
)
from databricks_local.jobs.specs import ClusterSpec

KEY = re.compile(r"[\w\-]{1,100}", re.ASCII)
"""A valid key of a task or cluster."""

_VOLUMES = re.compile(r"(?:dbfs:/*)?/?Volumes(?:/|$)")
_ON_VOLUME = re.compile(r"(?:dbfs:/*)?/?Volumes(?:/+[^/]+){3}")


@dataclass(frozen=True)
class SharedCompute:
    """The clusters and environments that the tasks of a job may name, by key."""

    clusters: Mapping[str, ClusterSpec] = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)


@dataclass(frozen=True)
class Compute:
    """What one task runs on. All fields are empty for a task that needs no compute."""

    cluster: ClusterSpec | None = None
    cluster_key: str = ""
    existing_cluster_id: str = ""
    libraries: tuple[Library, ...] = ()


def parse_shared(job_clusters: Sequence[Json], environments: Sequence[Json]) -> SharedCompute:
    """Read `job_clusters` and `environments`."""
    return SharedCompute(parse_job_clusters(job_clusters), parse_environments(environments))


def parse_compute(raw: Json, key: str, shared: SharedCompute, *, needs_environment: bool) -> Compute:
    """Read what a task runs on.

    Args:
        raw: The task.
        key: Its key.
        shared: The clusters and environments that it may name.
        needs_environment: Whether its kind of task needs an environment to run serverless.
    """
    cluster_key, cluster_id = read_string(raw, "job_cluster_key"), read_string(raw, "existing_cluster_id")
    cluster = read_object(raw, "new_cluster")
    if (cluster is not None) + bool(cluster_key) + bool(cluster_id) > 1:
        raise errors.several_computes()
    if cluster is not None:
        return Compute(parse_cluster(cluster), libraries=parse_libraries(raw))
    if cluster_id:
        return Compute(existing_cluster_id=cluster_id, libraries=parse_libraries(raw))
    if cluster_key:
        if cluster_key not in shared.clusters:
            raise errors.job_cluster_not_defined(cluster_key)
        return Compute(shared.clusters[cluster_key], cluster_key, libraries=parse_libraries(raw))
    return _serverless(raw, key, shared.environments, needs_environment=needs_environment)


def _serverless(
    raw: Json, key: str, environments: Mapping[str, Environment], *, needs_environment: bool
) -> Compute:
    name = read_string(raw, "environment_key")
    if name and name not in environments:
        raise errors.environment_not_defined(name, key)
    if not name and needs_environment:
        raise errors.environment_missing(key)
    if read_objects(raw, "libraries"):
        raise errors.serverless_libraries()
    environment = environments[name] if name else Environment("", ())
    # Libraries recognise serverless compute by these (dbt-databricks, SQLMesh#3101).
    version = f"client.{environment.version}" if environment.version else "client"
    spec = ClusterSpec(version, {}, {"IS_SERVERLESS": "TRUE"}, serverless=True)
    return Compute(spec, libraries=environment.libraries)


def parse_cluster(cluster: Json) -> ClusterSpec:
    """Read a `new_cluster`."""
    environment = read_strings(cluster, "spark_env_vars")
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name + value:
            raise invalid_parameter(f"spark_env_vars has an invalid entry: {name!r}")
    version = read_string(cluster, "spark_version")
    return ClusterSpec(
        version,
        read_strings(cluster, "spark_conf"),
        environment,
        engine=read_engine(cluster),
        log_destination=_log_destination(cluster),
        init_scripts=tuple(_destination(script) for script in read_objects(cluster, "init_scripts")),
        usage_tags=_tags(cluster, version),
    )


def _log_destination(cluster: Json) -> str:
    settings = read_object(cluster, "cluster_log_conf")
    return _destination(settings) if settings else ""


def _destination(storage: Json) -> str:
    """The destination of a storage, such as `{"volumes": {"destination": "/Volumes/a/b/c"}}`."""
    for kind in storage:
        described = read_object(storage, kind)
        if described is not None:
            return _checked(read_required_string(described, "destination"))
    raise invalid_parameter("A storage such as dbfs or volumes with its destination is needed.")


def _checked(destination: str) -> str:
    if not destination.isprintable() or {".", ".."} & set(destination.split("/")):
        raise invalid_parameter(f"The destination {destination[:1000]!r} has an invalid name in it.")
    if _VOLUMES.match(destination) and not _ON_VOLUME.match(destination):
        raise invalid_parameter(
            f"The destination {destination[:1000]!r} is on no volume: it begins with "
            "/Volumes/<catalog>/<schema>/<volume>."
        )
    return destination


def _tags(cluster: Json, version: str) -> dict[str, str]:
    scales = read_object(cluster, "autoscale") or {}
    workers = read_integer(scales, "min_workers") if scales else read_integer(cluster, "num_workers")
    own = {"clusterName": read_string(cluster, "cluster_name")}
    return {
        **{name: value for name, value in own.items() if value},
        "sparkVersion": version,
        "clusterNodeType": read_string(cluster, "node_type_id"),
        "clusterWorkers": str(workers),
    }


def parse_job_clusters(raw: Sequence[Json]) -> dict[str, ClusterSpec]:
    """Read the `job_clusters` of a job."""
    clusters: dict[str, ClusterSpec] = {}
    for item in raw:
        key = read_required_string(item, "job_cluster_key")
        if not KEY.fullmatch(key):
            raise invalid_parameter(
                f"Job cluster key '{key[:100]}' is invalid: 1 to 100 letters, digits, hyphens, underscores."
            )
        if key in clusters:
            raise invalid_parameter(f"Job cluster keys must be unique, but '{key}' is repeated.")
        cluster = read_object(item, "new_cluster")
        if cluster is None:
            raise invalid_parameter(f"Job cluster '{key}' has no new_cluster.")
        clusters[key] = parse_cluster(cluster)
    return clusters
