"""The Clusters API, 2.0 and 2.1, and the Libraries API 2.0."""

from fastapi import APIRouter, Request

from databricks_local.api.bodies import (
    Json,
    read_integer,
    read_object,
    read_objects,
    read_required_string,
    read_string,
)
from databricks_local.api.errors import invalid_parameter
from databricks_local.api.paging import page_of
from databricks_local.clusters.offerings import node_types, spark_versions
from databricks_local.clusters.records import MAX_EVENTS, UNINSTALL_ON_RESTART, ClusterRecord, library_key
from databricks_local.clusters.registry import ClusterRegistry
from databricks_local.clusters.settings import read_settings, resized, updated_settings
from databricks_local.jobs.libraries import check_libraries
from databricks_local.jobs.submit_request import read_token
from databricks_local.routes.incoming import read_body

MAX_PAGE = 100


def clusters_router(clusters: ClusterRegistry) -> APIRouter:
    """The routes of clusters and libraries."""
    router = APIRouter()
    for version in ("2.0", "2.1"):
        group = APIRouter(prefix=f"/api/{version}/clusters")
        _add_changes(group, clusters)
        _add_lifecycle(group, clusters)
        _add_events(group, clusters)
        _add_questions(group, clusters)
        router.include_router(group)
    _add_libraries(router, clusters)
    return router


def _add_changes(router: APIRouter, clusters: ClusterRegistry) -> None:
    @router.post("/create")
    async def create(request: Request) -> Json:
        body = await read_body(request)
        libraries, settings, token = _libraries(body), read_settings(body), read_token(body)
        known = clusters.of_token(token)
        if known is not None:
            return {"cluster_id": known.cluster_id}
        record = clusters.create(settings, token)
        clusters.install(record.cluster_id, libraries)
        return {"cluster_id": record.cluster_id}

    @router.post("/edit")
    async def edit(request: Request) -> Json:
        body = await read_body(request)
        record = clusters.get(read_required_string(body, "cluster_id"))
        clusters.edit(record.cluster_id, read_settings(body))
        return {}

    @router.post("/update")
    async def update(request: Request) -> Json:
        body = await read_body(request)
        record = clusters.get(read_required_string(body, "cluster_id"))
        mask, changes = read_required_string(body, "update_mask"), read_object(body, "cluster") or {}
        clusters.edit(record.cluster_id, updated_settings(record.settings, mask, changes))
        return {}

    @router.post("/resize")
    async def resize(request: Request) -> Json:
        body = await read_body(request)
        record = clusters.get(read_required_string(body, "cluster_id"))
        clusters.resize(record.cluster_id, resized(record.settings, body))
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

    @router.post("/pin")
    async def pin(request: Request) -> Json:
        clusters.pin(await id_of(request), pinned=True)
        return {}

    @router.post("/unpin")
    async def unpin(request: Request) -> Json:
        clusters.pin(await id_of(request), pinned=False)
        return {}


def _add_events(router: APIRouter, clusters: ClusterRegistry) -> None:
    @router.post("/events")
    async def events(request: Request) -> Json:
        body = await read_body(request)
        record = clusters.get(read_required_string(body, "cluster_id"))
        offset, limit = read_integer(body, "offset"), read_integer(body, "limit", 50) or 50
        if offset < 0 or not 0 < limit <= MAX_EVENTS:
            raise invalid_parameter("offset or limit is out of its range.")
        newest_first = record.events[::-1]
        if read_string(body, "order") == "ASC":
            newest_first = record.events
        end = offset + limit
        shown: Json = {"events": newest_first[offset:end], "total_count": len(record.events)}
        # Docs: next_page is the request for the rest; a field of it may be absent.
        return {**shown, "next_page": {**body, "offset": end}} if end < len(record.events) else shown


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
