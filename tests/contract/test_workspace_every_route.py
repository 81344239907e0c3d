"""Whatever is sent to whatever route: never an error of the server, and a refusal is always the envelope."""

import json
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock
from urllib.parse import quote

import httpx
import pytest
from databricks_local.server.app import create_app
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .job_lab import own_workspace
from .workspace_lab import Lab

TASK_FIELDS = (
    "notebook_task spark_python_task python_wheel_task new_cluster existing_cluster_id environment_key "
    "environments libraries timeout_seconds"
)
SETTINGS = f"name tasks job_clusters parameters max_concurrent_runs queue git_source {TASK_FIELDS}"
PARAMETERS = "job_parameters notebook_params python_params jar_params only queue idempotency_token"
CLUSTER = (
    "cluster_id cluster_name spark_version node_type_id instance_pool_id num_workers autoscale spark_conf "
    "spark_env_vars autotermination_minutes"
)
WAREHOUSE = (
    "name cluster_size min_num_clusters max_num_clusters auto_stop_mins enable_serverless_compute tags "
    "channel warehouse_type spot_instance_policy statement_timeout page_size page_token"
)
STATEMENT = (
    "statement warehouse_id session_id catalog schema parameters disposition format row_limit byte_limit "
    "wait_timeout on_wait_timeout query_tags"
)
LISTS = "limit offset page_token expand_tasks"
OBJECT = "catalog_name schema_name name comment properties volume_type storage_location new_name force"
TABLE = "table_type data_source_format columns view_definition"
OBJECT_LIST = f"{OBJECT} max_results page_token"
FILE = "path overwrite action session_token parts part_number page_size page_token"

FIELDS = {
    "preview/scim/v2/Me": "",
    "workspace/import": "path content format language overwrite",
    "workspace/export": "path format direct_download",
    "workspace/get-status": "path",
    "workspace/list": "path notebooks_modified_after",
    "workspace/mkdirs": "path",
    "workspace/delete": "path recursive",
    "workspace-files/import-file/{path}": "overwrite",
    "jobs/create": SETTINGS,
    "jobs/reset": "job_id new_settings",
    "jobs/update": "job_id new_settings fields_to_remove",
    "jobs/delete": "job_id",
    "jobs/get": "job_id page_token",
    "jobs/list": f"name {LISTS}",
    "jobs/run-now": f"job_id {PARAMETERS}",
    "jobs/runs/get": "run_id page_token include_history include_resolved_values",
    "jobs/runs/get-output": "run_id",
    "jobs/runs/export": "run_id views_to_export",
    "jobs/runs/list": f"job_id active_only completed_only run_type start_time_from start_time_to {LISTS}",
    "jobs/runs/submit": f"run_name tasks job_clusters git_source idempotency_token {TASK_FIELDS}",
    "jobs/runs/repair": f"run_id rerun_tasks rerun_all_failed_tasks latest_repair_id {PARAMETERS}",
    "jobs/runs/cancel": "run_id",
    "jobs/runs/cancel-all": "job_id all_queued_runs",
    "jobs/runs/delete": "run_id",
    "dbfs/get-status": "path",
    "dbfs/list": "path",
    "dbfs/read": "path offset length",
    "dbfs/create": "path overwrite",
    "dbfs/add-block": "handle data",
    "dbfs/close": "handle",
    "dbfs/put": "path contents overwrite",
    "dbfs/mkdirs": "path",
    "dbfs/delete": "path recursive",
    "dbfs/move": "source_path destination_path",
    "fs/files/{path}": FILE,
    "fs/directories/{path}": FILE,
    "fs/create-upload-part-urls": "path session_token start_part_number count expire_time",
    "fs/create-abort-upload-url": "path session_token expire_time",
    "fs/create-download-url": "path expire_time",
    "/local/storage/{path}": "session_token part_number expires signature",
    "unity-catalog/catalogs": OBJECT_LIST,
    "unity-catalog/catalogs/{name}": OBJECT,
    "unity-catalog/schemas": OBJECT_LIST,
    "unity-catalog/schemas/{name}": OBJECT,
    "unity-catalog/tables": f"{OBJECT_LIST} {TABLE} omit_columns omit_properties",
    "unity-catalog/tables/{name}": f"{OBJECT} owner view_definition",
    "unity-catalog/tables/{name}/exists": "",
    "unity-catalog/table-summaries": (
        "catalog_name schema_name_pattern table_name_pattern max_results page_token"
    ),
    "unity-catalog/permissions/{kind}/{full_name}": "changes principal",
    "unity-catalog/effective-permissions/{kind}/{full_name}": "principal",
    "unity-catalog/current-metastore-assignment": "",
    "unity-catalog/metastore_summary": "",
    "unity-catalog/metastores": "max_results page_token",
    "unity-catalog/metastores/{metastore_id}": "",
    "/local/catalog/staging-tables": OBJECT,
    "/local/sail/api/2.1/unity-catalog/catalogs/{name}": "",
    "/local/sail/api/2.1/unity-catalog/schemas": OBJECT_LIST,
    "/local/sail/api/2.1/unity-catalog/schemas/{name}": "force",
    "/local/sail/api/2.1/unity-catalog/staging-tables": OBJECT,
    "/local/sail/api/2.1/unity-catalog/tables": f"{OBJECT_LIST} {TABLE}",
    "/local/sail/api/2.1/unity-catalog/tables/{name}": "",
    "unity-catalog/volumes": OBJECT_LIST,
    "unity-catalog/volumes/{name}": OBJECT,
    "secrets/scopes/create": "scope initial_manage_principal scope_backend_type",
    "secrets/scopes/list": "",
    "secrets/scopes/delete": "scope",
    "secrets/acls/put": "scope principal permission",
    "secrets/acls/get": "scope principal",
    "secrets/acls/list": "scope",
    "secrets/acls/delete": "scope principal",
    "secrets/put": "scope key string_value bytes_value",
    "secrets/get": "scope key",
    "secrets/list": "scope",
    "secrets/delete": "scope key",
    "clusters/create": CLUSTER,
    "clusters/edit": CLUSTER,
    "clusters/update": "cluster_id update_mask cluster",
    "clusters/resize": "cluster_id num_workers autoscale",
    "clusters/pin": "cluster_id",
    "clusters/unpin": "cluster_id",
    "clusters/start": "cluster_id",
    "clusters/restart": "cluster_id",
    "clusters/delete": "cluster_id",
    "clusters/permanent-delete": "cluster_id",
    "clusters/events": "cluster_id offset limit order start_time end_time event_types",
    "clusters/get": "cluster_id",
    "clusters/list": "page_size page_token filter_by sort_by",
    "clusters/list-node-types": "",
    "clusters/spark-versions": "",
    "clusters/list-zones": "",
    "libraries/install": "cluster_id libraries",
    "libraries/uninstall": "cluster_id libraries",
    "libraries/cluster-status": "cluster_id",
    "libraries/all-cluster-statuses": "",
    "permissions/{kind}/{object_id}": "access_control_list",
    "permissions/{kind}/{object_id}/permissionLevels": "",
    "instance-pools/list": "",
    "instance-pools/get": "instance_pool_id",
    "policies/clusters/list": "sort_column sort_order",
    "policies/clusters/get": "policy_id",
    "repos": "url provider path branch sparse_checkout path_prefix next_page_token",
    "repos/{repo_id}": "branch tag",
    "sql/warehouses": WAREHOUSE,
    "sql/warehouses/{warehouse_id}": "",
    "sql/warehouses/{warehouse_id}/edit": WAREHOUSE,
    "sql/warehouses/{warehouse_id}/start": "",
    "sql/warehouses/{warehouse_id}/stop": "",
    "sql/sessions": "warehouse_id catalog schema session_confs",
    "sql/sessions/{session_id}": "warehouse_id",
    "/sql/1.0/{kind}/{name}": "",
    "/sql/protocolv1/{name}": "",
    "sql/statements": STATEMENT,
    "sql/statements/": STATEMENT,
    "sql/statements/{statement_id}": "",
    "sql/statements/{statement_id}/cancel": "",
    "sql/statements/{statement_id}/result/chunks/{chunk_index}": "",
    "/local/results/{statement_id}/{index}": "expires signature",
    "sql/history/queries": (
        "filter_by.warehouse_ids filter_by.statuses filter_by.user_ids filter_by.statement_ids max_results "
        "filter_by.query_start_time_range.start_time_ms page_token include_metrics"
    ),
    "sql/queries": "query auto_resolve_display_name page_size page_token",
    "sql/queries/{query_id}": "query update_mask auto_resolve_display_name",
    "/local/faults": (
        "method path path_regex effect when status body content_type retry_after delay_seconds count offset "
        "probability seed task_key run_name error after_seconds fault_id"
    ),
    "/local/requests": "path_prefix since_id limit",
    "/local/clock": "advance_seconds until arrived_files updated_tables",
    "/local/notifications": "run_id",
    "/oidc/.well-known/oauth-authorization-server": "",
    "/.well-known/databricks-config": "",
    "/oidc/v1/token": "grant_type client_id client_secret scope",
    "/": "state",
    "/jobs": "",
    "/jobs/{job_id}": "state",
    "/jobs/{job_id}/runs/{run_id}": "",
    "/runs/{run_id}": "",
    "/catalog": "",
    "/catalog/{catalog}/{schema}": "",
    "/catalog/{catalog}/{schema}/{table}": "",
    "/login": "next token",
}
"""What each route reads, in its query or its body; the versions of the API are one."""


def routes() -> list[tuple[str, str]]:
    """The method and path of all that the application serves."""
    app = create_app(MagicMock(), "token", MagicMock(), MagicMock())
    with warnings.catch_warnings():
        # One function serves two versions of a path, which is no matter where no schema is published.
        warnings.simplefilter("ignore")
        paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def name_of(path: str) -> str:
    return re.sub(r"^/api/(2\.\d|\{version\})/", "", path)


def nested(depth: int) -> Any:
    return {"a": [nested(depth - 1)]} if depth else "deep"


HOSTILE: list[Any] = [
    None, True, False, 0, -1, 4711, 2**63, -(2**63), 10**400, 1.5, float("inf"), float("nan"),
    "", "\0", "\ud800", "../../etc/passwd", "/..", "٣", "x" * 5000, "{{job.id}}", "{{", "[1", "%00",
    [], [None], [[]], [{}], {}, {"": ""}, {"\0": "\ud800"}, nested(45), nested(300),
]  # fmt: skip
PLAUSIBLE: list[Any] = [
    1, 100, "1", "true", "fuzz", "/Shared/fuzz", "/tmp/fuzz", "/tmp/fuzz/in", "/tmp/fuzz/pipe",
    "/Shared/fuzz/in", "/Shared/fuzz/out", "/Shared/fuzz/pipe", "after-1-1", "before-1-1",
    "dbfs:/tmp", "/Volumes/main/default", "main",
    "default", "PYTHON", "SOURCE", "READ", "AA==", "from-100", ["a"], {"a": "b"},
    {"notebook_path": "/Shared/fuzz"}, [{"task_key": "a"}], [{"name": "a", "default": "b"}],
    "fuzz", "DELTA", "PARQUET", "EXTERNAL", "dbfs:/tmp/fuzz/table", "file:/dbfs/tmp/fuzz", "fuzz%",
    [{"name": "a", "type_text": "int"}], [{"name": "a", "type_json": '{"type": "void"}'}],
    [{"principal": "a", "add": ["SELECT"]}],
    [{"user_name": "a", "permission_level": "CAN_VIEW"}], [{"pypi": {"package": "a"}}],
    [{"task_key": "a", "condition_task": {"op": "EQUAL_TO", "left": "a", "right": "b"}}],
]  # fmt: skip
BROKEN = [
    b"", b"{", b"[]", b'"text"', b"null", b"{}{}", b'{"a": 1,}', b"\xff\xfe", b"\0", b"[" * 50_000,
    b'{"a":' * 500, b"9" * 5000, b'{"job_id": ' + b"9" * 5000 + b"}", b"--b\r\n", b"--b--",
    b'--b\r\nContent-Disposition: form-data; name="path"\r\n\r\n\0\r\n--b--\r\n', b"a=1&token=%00",
]  # fmt: skip
TYPES = [
    "application/json", "", "text/plain", "application/json; charset=utf-16", "multipart/form-data",
    "multipart/form-data; boundary=b", "application/x-www-form-urlencoded",
]  # fmt: skip
SEGMENTS = [
    "1", "0", "4711", "9" * 30, "x", "main", "main.default", "main.default.fuzz", "jobs", "clusters",
    "table", "schema", "metastore", "hive_metastore", "`a``b`.`c",
    "Volumes/main/default/fuzz/f", "Volumes/main/default/fuzz/in", "Volumes/main/default/fuzz/pipe",
    "Volumes/main", "%2e%2e/%2e%2e", "%00", "%ED%A0%80", "%D9%A3", "a%2Fb",
    "a//b", "-1",
]  # fmt: skip
VERSIONS = ["2.0", "2.1", "2.2", "9.9", "%D9%A3"]
VALUES = st.sampled_from(PLAUSIBLE) | st.sampled_from(HOSTILE)
ROUTES = routes()
OFTEN = settings(
    max_examples=14,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A workspace of its own, whose faults and clusters are nobody's else, and a browser's cookie."""
    root, outside = tmp_path_factory.mktemp("target"), tmp_path_factory.mktemp("outside")
    (outside / "kept").touch()
    with own_workspace(root) as lab:
        lab.sdk.secrets.create_scope("fuzz")
        lab.http.post("/login", data={"token": lab.workspace.token})
        for tree in ("dbfs/tmp", "files/Shared", "volumes/main/default"):
            leave_strange_things(root / tree / "fuzz", outside)
        yield lab
    assert (outside / "kept").exists()


def leave_strange_things(folder: Path, outside: Path) -> None:
    """What a task can leave in a tree: a name that is not UTF-8, a pipe, links to all kinds of places."""
    (folder / "folder").mkdir(parents=True)
    (folder / os.fsdecode(b"caf\xe9")).touch()
    os.mkfifo(folder / "pipe")
    for name, target in {"in": "folder", "out": outside, "gone": "nowhere", "round": "round"}.items():
        (folder / name).symlink_to(target)


def test_the_table_has_every_route() -> None:
    """What is new is not covered before it is said here what it reads."""
    assert {name_of(path) for _, path in ROUTES} == set(FIELDS)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@OFTEN
@given(data=st.data())
def test_nothing_that_is_sent_is_an_error_of_the_server(
    target: Lab, method: str, path: str, data: st.DataObject
) -> None:
    fields = FIELDS[name_of(path)].split() or ["any"]
    values = data.draw(st.dictionaries(st.sampled_from(fields), VALUES))
    url = re.sub(
        r"\{(\w+)\}",
        lambda match: data.draw(st.sampled_from(VERSIONS if match[1] == "version" else SEGMENTS)),
        path,
    )
    url = f"{url}?not_utf8=%FF&{query(values)}"
    if method in ("GET", "HEAD", "DELETE"):
        answer = target.http.request(method, url)
    else:
        content = data.draw(st.just(json.dumps(values).encode()) | st.sampled_from(BROKEN))
        headers = {"content-type": data.draw(st.sampled_from(TYPES))}
        answer = target.http.request(method, url, content=content, headers=headers)
    if path == "/local/faults":
        target.workspace.faults.clear()
    check(answer, path)


def query(values: dict[str, Any]) -> str:
    """The values as a query, lone surrogates and all."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    return "&".join(
        f"{name}={quote(text.encode('utf-8', 'surrogatepass'))[:4000]}" for name, text in texts.items()
    )


LINKS = ("/local/storage/", "/local/results/")
"""What storages would answer, in XML."""


def check(answer: httpx.Response, path: str) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code < 400 or answer.request.method == "HEAD":
        return
    if path.startswith(("/api/", "/local/")) and not path.startswith(LINKS):
        body = answer.json()
        assert {"error_code", "message"} <= set(body) <= {"error_code", "message", "details"}
        assert body["error_code"] == body["error_code"].upper() != ""
        assert body["message"]
