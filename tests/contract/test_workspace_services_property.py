"""Any method, path and header for the trees of files and objects: never an error of the server."""

from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .workspace_lab import Lab

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

TREES = (
    "/api/2.0/fs/files/Volumes",
    "/api/2.0/fs/directories/Volumes",
    "/api/2.0/fs/files",
    "/api/2.0/permissions/jobs",
    "/api/2.0/repos",
    "/api/2.1/unity-catalog/volumes",
    "/api/2.1/unity-catalog/tables",
    "/api/2.1/unity-catalog/permissions/table",
    "/local/sail/api/2.1/unity-catalog/tables",
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
queries = st.dictionaries(st.sampled_from(NAMES), scalars.map(str), max_size=5)
often = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and answer.request.method != "HEAD" and "/local/" not in str(answer.url):
        assert {"error_code", "message"} <= set(answer.json())


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
