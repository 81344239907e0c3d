"""Whatever is sent to the endpoints of files, secrets and clusters: never an error of the server."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workspace_lab import Lab

NAMES = (
    "path", "source_path", "destination_path", "contents", "data", "handle", "overwrite", "recursive",
    "offset", "length",
    "scope", "key", "string_value", "bytes_value", "principal", "permission", "cluster_id",
    "spark_version", "node_type_id", "num_workers", "autoscale", "spark_conf", "spark_env_vars", "libraries",
    "access_control_list", "name", "catalog_name", "schema_name", "volume_type", "comment", "properties",
    "session_token", "start_part_number", "count", "parts", "url", "provider", "branch", "tag", "limit",
    "order", "page_size", "page_token", "max_results", "next_page_token", "path_prefix", "policy_id",
    "action", "force",
)  # fmt: skip

POSTS = (
    *(
        f"/api/2.0/dbfs/{name}"
        for name in ("put", "create", "add-block", "close", "mkdirs", "delete", "move")
    ),
    *(f"/api/2.0/secrets/{name}" for name in ("put", "delete", "scopes/create", "scopes/delete", "acls/put")),
    "/api/2.0/secrets/acls/delete",
    *(f"/api/2.1/clusters/{name}" for name in ("start", "restart", "delete", "permanent-delete", "edit")),
    *(f"/api/2.1/clusters/{name}" for name in ("update", "resize", "pin", "unpin")),
    "/api/2.0/clusters/events",
    "/api/2.0/libraries/install",
    "/api/2.0/libraries/uninstall",
    *(f"/api/2.1/unity-catalog/{name}" for name in ("catalogs", "schemas", "volumes")),
    *(f"/api/2.0/fs/create-{name}" for name in ("upload-part-urls", "abort-upload-url", "download-url")),
    "/api/2.0/repos",
)
GETS = (
    *(f"/api/2.0/dbfs/{name}" for name in ("get-status", "list", "read")),
    *(f"/api/2.0/secrets/{name}" for name in ("get", "list", "scopes/list", "acls/get", "acls/list")),
    *(f"/api/2.1/clusters/{name}" for name in ("get", "list", "list-node-types", "spark-versions")),
    "/api/2.0/libraries/cluster-status",
    "/api/2.0/libraries/all-cluster-statuses",
    *(f"/api/2.1/unity-catalog/{name}" for name in ("catalogs", "schemas", "volumes")),
    "/api/2.0/instance-pools/get",
    "/api/2.0/policies/clusters/get",
    "/api/2.0/repos",
)
TREES = (
    "/api/2.0/fs/files/Volumes",
    "/api/2.0/fs/directories/Volumes",
    "/api/2.0/fs/files",
    "/api/2.0/permissions/jobs",
    "/api/2.0/repos",
    "/api/2.1/unity-catalog/volumes",
    "/local/storage/Volumes",
)

paths = st.one_of(
    st.sampled_from(
        ["/tmp", "dbfs:/tmp/x", "/tmp/..", "//", "/Volumes/main/default/v/f", "main.default.v", "0"]
    ),
    st.text(st.characters(codec="utf-8"), max_size=30).map(lambda text: f"/tmp/{text}"),
    st.text(st.characters(codec="utf-8"), max_size=30),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), paths
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)
bodies = st.dictionaries(st.sampled_from(NAMES), values, max_size=8)
queries = st.dictionaries(st.sampled_from(NAMES), scalars.map(str), max_size=5)
often = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and answer.request.method != "HEAD" and "/local/" not in str(answer.url):
        assert {"error_code", "message"} <= set(answer.json())


@often
@given(st.sampled_from(POSTS), bodies)
def test_bodies(lab: Lab, path: str, body: dict[str, Any]) -> None:
    check(lab.http.post(path, content=json.dumps(body)))


@often
@given(st.sampled_from(GETS), queries)
def test_queries(lab: Lab, path: str, query: dict[str, str]) -> None:
    check(lab.http.get(path, params=query))


@often
@given(
    st.sampled_from(("GET", "PUT", "POST", "PATCH", "DELETE", "HEAD")),
    st.sampled_from(TREES),
    paths,
    queries,
    st.dictionaries(
        st.sampled_from(("range", "if-unmodified-since", "content-type")),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.strip),
        max_size=2,
    ),
)
def test_paths(
    lab: Lab, method: str, tree: str, path: str, query: dict[str, str], headers: dict[str, str]
) -> None:
    check(lab.http.request(method, f"{tree}/{quote(path)}", params=query, headers=headers))


@pytest.mark.parametrize("version", ["2.0", "2.1"])
@pytest.mark.parametrize(
    "name",
    [
        "clusters/change-owner",
        "clusters/list-owners",
        "dbfs/copy",
        "secrets/scopes/get",
        "fs/endpoints",
        "libraries/x",
    ],
)
def test_what_is_not_served_is_an_unknown_endpoint(lab: Lab, version: str, name: str) -> None:
    answer = lab.post(f"/api/{version}/{name}", {})
    assert (answer.status_code, answer.json()) == (
        404,
        {"error_code": "ENDPOINT_NOT_FOUND", "message": f"No API found for 'POST /{version}/{name}'"},
    )
