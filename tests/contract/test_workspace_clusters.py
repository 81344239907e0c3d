"""All-purpose clusters and their libraries."""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from databricks.sdk.errors import (
    DatabricksError,
    InvalidParameterValue,
    OperationFailed,
    ResourceDoesNotExist,
)
from databricks.sdk.service.compute import (
    AutoScale,
    EventType,
    GetEventsOrder,
    Library,
    LibraryInstallStatus,
    PythonPyPiLibrary,
    State,
    UpdateClusterResource,
)
from databricks_local import LocalWorkspace

from .workspace_lab import CLUSTER, Lab, lab_of, until


def spark_servers(lab: Lab) -> set[int]:
    return {child.pid for child in psutil.Process(lab.workspace.process.pid).children(recursive=True)}


@pytest.fixture
def cluster_id(lab: Lab) -> Iterator[str]:
    created = lab.sdk.clusters.create(cluster_name="all-purpose", **CLUSTER)  # type: ignore[arg-type]
    cluster_id = created.result(timedelta(seconds=20)).cluster_id or ""
    yield cluster_id
    lab.sdk.clusters.permanent_delete(cluster_id)


def test_the_life_of_a_cluster(lab: Lab, cluster_id: str) -> None:
    clusters = lab.sdk.clusters
    details = clusters.get(cluster_id)
    assert (details.state, details.cluster_name) == (State.RUNNING, "all-purpose")
    assert (details.num_workers, details.spark_version) == (1, CLUSTER["spark_version"])
    assert cluster_id in [found.cluster_id for found in clusters.list()]
    for call, state in ((clusters.start, "Running"),):
        with pytest.raises(
            DatabricksError, match=rf"^Cluster {cluster_id} is in unexpected state {state}\.$"
        ):
            call(cluster_id)
    assert clusters.restart(cluster_id).result(timedelta(seconds=20)).state == State.RUNNING
    ended = clusters.delete(cluster_id).result(timedelta(seconds=20))
    assert ended.state == State.TERMINATED
    assert ended.state_message == "Termination requested by local@dbflow.example"
    assert ended.termination_reason is not None
    assert ended.termination_reason.as_dict()["code"] == "USER_REQUEST"
    with pytest.raises(DatabricksError, match="is in unexpected state Terminated"):
        clusters.restart(cluster_id)
    assert lab.post("/api/2.0/clusters/delete", {"cluster_id": cluster_id}).json() == {}
    assert clusters.start(cluster_id).result(timedelta(seconds=20)).state == State.RUNNING
    clusters.ensure_cluster_is_running(cluster_id)
    kinds = [event.type.value for event in clusters.events(cluster_id) if event.type]
    assert kinds[-1] == "CREATING"
    assert {"RUNNING", "RESTARTING", "TERMINATING", "STARTING"} <= set(kinds)


def test_a_cluster_that_starts(lab: Lab) -> None:
    created = lab.sdk.clusters.create(**CLUSTER)  # type: ignore[arg-type]
    details = lab.sdk.clusters.get(created.cluster_id)
    assert details.state in (State.PENDING, State.RUNNING)
    if details.state is State.PENDING:
        assert details.state_message == (
            "Finding instances for new nodes, acquiring more instances if necessary"
        )
    lab.sdk.clusters.permanent_delete(created.cluster_id)
    with pytest.raises(ResourceDoesNotExist, match=f"^Cluster {created.cluster_id} does not exist$"):
        lab.sdk.clusters.get(created.cluster_id)


def test_edit(lab: Lab, cluster_id: str) -> None:
    clusters = lab.sdk.clusters
    new = {**CLUSTER, "num_workers": 3}
    edited = clusters.edit(cluster_id, cluster_name="renamed", **new)  # type: ignore[arg-type]
    details = edited.result(timedelta(seconds=20))
    assert (details.cluster_name, details.num_workers, details.state) == ("renamed", 3, State.RUNNING)
    clusters.delete(cluster_id).result(timedelta(seconds=20))
    edited = clusters.edit(cluster_id, cluster_name="again", **new)  # type: ignore[arg-type]
    # It stays terminated, over which the SDK's waiter stumbles (databricks-sdk-java#286).
    with pytest.raises(OperationFailed):
        edited.result(timedelta(seconds=20))
    assert clusters.get(cluster_id).cluster_name == "again"


def test_resize_changes_the_size_without_a_restart(lab: Lab, cluster_id: str) -> None:
    clusters = lab.sdk.clusters
    before = spark_servers(lab)
    details = clusters.resize(cluster_id, num_workers=5).result(timedelta(seconds=20))
    assert (details.num_workers, spark_servers(lab)) == (5, before)
    scales = AutoScale(min_workers=2, max_workers=4)
    assert clusters.resize(cluster_id, autoscale=scales).result().autoscale == scales
    first = next(
        event for event in reversed(list(clusters.events(cluster_id))) if event.type is EventType.RESIZING
    )
    assert first.details is not None
    assert (first.details.current_num_workers, first.details.target_num_workers) == (1, 5)
    clusters.delete(cluster_id).result(timedelta(seconds=20))
    with pytest.raises(DatabricksError, match="is in unexpected state Terminated"):
        clusters.resize(cluster_id, num_workers=1)


def test_update_restarts_a_running_cluster(lab: Lab, cluster_id: str) -> None:
    new = UpdateClusterResource(num_workers=3, cluster_name="not asked for")
    details = lab.sdk.clusters.update(cluster_id, "num_workers", cluster=new).result(timedelta(seconds=20))
    assert (details.num_workers, details.cluster_name, details.state) == (3, "all-purpose", State.RUNNING)
    edited = next(event for event in lab.sdk.clusters.events(cluster_id) if event.type is EventType.EDITED)
    assert edited.details is not None
    sizes = edited.details.previous_cluster_size, edited.details.cluster_size
    assert [size.num_workers for size in sizes if size] == [1, 3]


def test_pin_and_unpin(lab: Lab, cluster_id: str) -> None:
    def pinned_by() -> Any:
        return lab.get("/api/2.1/clusters/get", cluster_id=cluster_id).json().get("pinned_by_user_name")

    for call, expected in ((lab.sdk.clusters.pin, "local@dbflow.example"), (lab.sdk.clusters.unpin, None)):
        # The second time has no effect.
        for _ in range(2):
            call(cluster_id)
            assert pinned_by() == expected
    kinds = [event.type for event in lab.sdk.clusters.events(cluster_id)]
    assert kinds[:2] == [EventType.UNPINNED, EventType.PINNED]
    assert kinds.count(EventType.PINNED) == 1


def test_events_come_in_pages(lab: Lab, cluster_id: str) -> None:
    for _ in range(30):
        lab.sdk.clusters.pin(cluster_id)
        lab.sdk.clusters.unpin(cluster_id)
    assert len(list(lab.sdk.clusters.events(cluster_id))) == 62
    ordered = [
        event.timestamp for event in lab.sdk.clusters.events(cluster_id, order=GetEventsOrder.ASC, limit=7)
    ]
    assert (len(ordered), ordered) == (62, sorted(ordered, key=lambda at: at or 0))


def test_a_server_that_dies(lab: Lab) -> None:
    before = spark_servers(lab)
    created = lab.sdk.clusters.create(**CLUSTER)  # type: ignore[arg-type]
    created.result(timedelta(seconds=20))
    (server,) = spark_servers(lab) - before
    os.kill(server, signal.SIGKILL)
    details = until(lambda: terminated(lab, created.cluster_id))
    assert details["state_message"] == "Driver of the cluster was lost"
    assert details["termination_reason"]["code"] == "DRIVER_UNREACHABLE"
    lab.sdk.clusters.permanent_delete(created.cluster_id)


def terminated(lab: Lab, cluster_id: str) -> Any:
    details = lab.get("/api/2.1/clusters/get", cluster_id=cluster_id).json()
    return details if details["state"] == "TERMINATED" else None


def test_no_server_is_left_of_a_terminated_cluster(lab: Lab) -> None:
    logs = lab.workspace.log.parent / "tasks"
    # Warehouses of other tests may be running.
    before, logs_before = spark_servers(lab), set(logs.glob("*-*-*.log"))
    for _ in range(3):
        cluster_id = lab.sdk.clusters.create(**CLUSTER).cluster_id  # type: ignore[arg-type]
        lab.sdk.clusters.permanent_delete(cluster_id)
    until(lambda: not spark_servers(lab) - before, seconds=10)
    until(lambda: not set(logs.glob("*-*-*.log")) - logs_before, seconds=10)


def test_clusters_survive_a_restart_terminated(tmp_path: Path) -> None:
    root = tmp_path / "root"
    with LocalWorkspace(root) as running:
        for lab in lab_of(running):
            created = lab.sdk.clusters.create(cluster_name="kept", **CLUSTER)  # type: ignore[arg-type]
            created.result(timedelta(seconds=20))
    with LocalWorkspace(root) as running:
        for lab in lab_of(running):
            (kept,) = lab.sdk.clusters.list()
            assert (kept.cluster_name, kept.state) == ("kept", State.TERMINATED)
            assert kept.state_message == "The local workspace was stopped."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spark_version": None}, "Missing required field: spark_version"),
        ({"node_type_id": None}, "Missing required field: node_type_id"),
        ({"num_workers": -1}, "num_workers must be between 0 and 100000."),
        ({"spark_env_vars": {"A=B": "c"}}, "spark_env_vars has an invalid entry: 'A=B'"),
        (
            {"autoscale": {"min_workers": 2, "max_workers": 1}},
            "autoscale.max_workers must not be less than autoscale.min_workers.",
        ),
    ],
)
def test_create_refuses(lab: Lab, change: dict[str, Any], message: str) -> None:
    answer = lab.post("/api/2.1/clusters/create", {**CLUSTER, **change})
    assert (answer.status_code, answer.json()) == (
        400,
        {"error_code": "INVALID_PARAMETER_VALUE", "message": message},
    )


def test_what_there_is_to_choose_from(lab: Lab) -> None:
    clusters = lab.sdk.clusters
    assert clusters.select_spark_version(long_term_support=True) == "16.4.x-scala2.12"
    assert clusters.select_node_type(min_cores=8, local_disk=True) == "c5d.2xlarge"
    assert clusters.list_zones().default_zone


def test_libraries(lab: Lab, cluster_id: str) -> None:
    libraries = lab.sdk.libraries
    wheel = Library(whl="/Volumes/main/default/files/a.whl")
    pypi = Library(pypi=PythonPyPiLibrary(package="simplejson==3.19.2", repo="http://127.0.0.1:9/"))
    libraries.install(cluster_id, [wheel, pypi])
    found = list(libraries.cluster_status(cluster_id))
    assert [status.library for status in found] == [wheel, pypi]
    libraries.uninstall(cluster_id, [wheel])
    first, _ = libraries.cluster_status(cluster_id)
    assert first.status == LibraryInstallStatus.UNINSTALL_ON_RESTART
    lab.sdk.clusters.restart(cluster_id).result(timedelta(seconds=20))
    assert [status.library for status in libraries.cluster_status(cluster_id)] == [pypi]
    assert cluster_id in [status.cluster_id for status in libraries.all_cluster_statuses()]
    with pytest.raises(InvalidParameterValue, match="A library has one of these fields"):
        libraries.install(cluster_id, [Library()])
    with pytest.raises(DatabricksError, match=r"^Cluster none does not exist$"):
        libraries.install("none", [wheel])
