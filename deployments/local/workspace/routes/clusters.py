"""The Clusters API, 2.0 and 2.1, and the Libraries API 2.0."""

from fastapi import APIRouter, Request

from deployments.local.workspace.bodies import (
    Json,
    read_integer,
    read_object,
    read_objects,
    read_required_string,
    read_string,
    read_strings,
)
from deployments.local.workspace.cluster_catalog import node_types, spark_versions
from deployments.local.workspace.cluster_records import (
    MAX_EVENTS,
    UNINSTALL_ON_RESTART,
    ClusterRecord,
    library_key,
)
from deployments.local.workspace.clusters import ClusterRegistry
from deployments.local.workspace.errors import invalid_parameter
from deployments.local.workspace.libraries import check_libraries
from deployments.local.workspace.routes.incoming import read_body
from deployments.local.workspace.routes.volume_files import page_of

MAX_WORKERS = 100_000
MAX_PAGE = 100
_NOT_SETTINGS = frozenset({"cluster_id", "libraries", "clone_from", "idempotency_token"})


def clusters_router(clusters: ClusterRegistry) -> APIRouter:
    """The routes of clusters and libraries."""
    router = APIRouter()
    for version in ("2.0", "2.1"):
        group = APIRouter(prefix=f"/api/{version}/clusters")
        _add_changes(group, clusters)
        _add_lifecycle(group, clusters)
        _add_questions(group, clusters)
        router.include_router(group)
    _add_libraries(router, clusters)
    return router


def read_settings(body: Json) -> Json:
    """A cluster's settings, as far as they are judged here.

    Raises:
        ApiError: If something is missing or has the wrong type.
    """
    read_required_string(body, "spark_version")
    if not (read_string(body, "node_type_id") or read_string(body, "instance_pool_id")):
        raise invalid_parameter("Missing required field: node_type_id")
    workers = read_integer(body, "num_workers")
    if not 0 <= workers <= MAX_WORKERS:
        raise invalid_parameter(f"num_workers must be between 0 and {MAX_WORKERS}.")
    autoscale = read_object(body, "autoscale") or {}
    if read_integer(autoscale, "min_workers") > read_integer(autoscale, "max_workers"):
        raise invalid_parameter("autoscale.max_workers must not be less than autoscale.min_workers.")
    read_string(body, "cluster_name")
    minutes = read_integer(body, "autotermination_minutes")
    environment = read_strings(body, "spark_env_vars")
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name + value:
            raise invalid_parameter(f"spark_env_vars has an invalid entry: {name[:200]!r}")
    return {
        **{field: value for field, value in body.items() if field not in _NOT_SETTINGS},
        "num_workers": workers,
        "autotermination_minutes": minutes,
        "spark_conf": read_strings(body, "spark_conf"),
        "spark_env_vars": environment,
    }


def _add_changes(router: APIRouter, clusters: ClusterRegistry) -> None:
    @router.post("/create")
    async def create(request: Request) -> Json:
        body = await read_body(request)
        libraries = _libraries(body)
        record = clusters.create(read_settings(body))
        clusters.install(record.cluster_id, libraries)
        return {"cluster_id": record.cluster_id}

    @router.post("/edit")
    async def edit(request: Request) -> Json:
        body = await read_body(request)
        record = clusters.get(read_required_string(body, "cluster_id"))
        clusters.edit(record.cluster_id, read_settings(body))
        return {}


def _add_lifecycle(router: APIRouter, clusters: ClusterRegistry) -> None:
    async def id_of(request: Request) -> str:
        return read_required_string(await read_body(request), "cluster_id")

    @router.post("/start")
    async def start(request: Request) -> Json:
        clusters.start(await id_of(request))
        return {}

    @router.post("/restart")
    async def restart(request: Request) -> Json:
        clusters.restart(await id_of(request))
        return {}

    @router.post("/delete")
    async def delete(request: Request) -> Json:
        clusters.terminate(await id_of(request))
        return {}

    @router.post("/permanent-delete")
    async def permanent_delete(request: Request) -> Json:
        clusters.forget(await id_of(request))
        return {}

    @router.post("/events")
    async def events(request: Request) -> Json:
        body = await read_body(request)
        record = clusters.get(read_required_string(body, "cluster_id"))
        offset, limit = read_integer(body, "offset"), read_integer(body, "limit", 50)
        if offset < 0 or not 0 <= limit <= MAX_EVENTS:
            raise invalid_parameter("offset or limit is out of its range.")
        newest_first = record.events[::-1]
        if read_string(body, "order") == "ASC":
            newest_first = record.events
        shown = newest_first[offset : offset + (limit or 50)]
        return {"events": shown, "total_count": len(record.events)}


def _add_questions(router: APIRouter, clusters: ClusterRegistry) -> None:
    @router.get("/get")
    async def get(request: Request) -> Json:
        return clusters.get(read_required_string(request.query_params, "cluster_id")).as_json()

    @router.get("/list")
    async def list_clusters(request: Request) -> Json:
        query = request.query_params
        size, token = read_integer(query, "page_size"), read_string(query, "page_token")
        found = sorted(clusters.all(), key=lambda record: record.cluster_id)
        page, following = page_of(found, lambda record: str(record.cluster_id), size, token, MAX_PAGE)
        shown: Json = {"clusters": [record.as_json() for record in page]} if page else {}
        return {**shown, "next_page_token": following} if following else shown

    @router.get("/list-node-types")
    async def list_node_types() -> Json:
        return {"node_types": node_types()}

    @router.get("/spark-versions")
    async def list_spark_versions() -> Json:
        return {"versions": spark_versions()}

    @router.get("/list-zones")
    async def list_zones() -> Json:
        return {"zones": ["local-a"], "default_zone": "local-a"}


def _add_libraries(router: APIRouter, clusters: ClusterRegistry) -> None:
    @router.post("/api/2.0/libraries/install")
    async def install(request: Request) -> Json:
        body = await read_body(request)
        clusters.install(read_required_string(body, "cluster_id"), _libraries(body))
        return {}

    @router.post("/api/2.0/libraries/uninstall")
    async def uninstall(request: Request) -> Json:
        body = await read_body(request)
        record = clusters.get(read_required_string(body, "cluster_id"))
        for library in _libraries(body):
            status = record.libraries.get(library_key(library))
            if status is not None:
                # Docs: it stays until the cluster is restarted.
                status["status"] = UNINSTALL_ON_RESTART
        clusters.keep(record)
        return {}

    @router.get("/api/2.0/libraries/cluster-status")
    async def status(request: Request) -> Json:
        record = clusters.get(read_required_string(request.query_params, "cluster_id"))
        return _status_json(record)

    @router.get("/api/2.0/libraries/all-cluster-statuses")
    async def all_statuses() -> Json:
        found = [_status_json(record) for record in clusters.all() if record.libraries]
        return {"statuses": found} if found else {}


def _status_json(record: ClusterRecord) -> Json:
    shown: Json = {"cluster_id": record.cluster_id}
    if record.libraries:
        shown["library_statuses"] = list(record.libraries.values())
    return shown


def _libraries(body: Json) -> list[Json]:
    libraries = read_objects(body, "libraries")
    check_libraries(libraries)
    return libraries
