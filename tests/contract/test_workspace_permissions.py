"""Permissions of objects, instance pools, cluster policies."""

import pytest
from databricks.sdk.errors import DatabricksError, InvalidParameterValue, NotFound
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.jobs import NotebookTask, Task

from .workspace_lab import CLUSTER, Lab

USER = "local@dbflow.example"


def levels(lab: Lab, job: str) -> dict[str, list[str]]:
    found = lab.get(f"/api/2.0/permissions/jobs/{job}").json()["access_control_list"]
    return {
        entry.get("user_name") or entry.get("group_name"): [
            given["permission_level"] for given in entry["all_permissions"]
        ]
        for entry in found
    }


@pytest.fixture
def job(lab: Lab) -> str:
    return str(lab.sdk.jobs.create(name="permissions", tasks=[lab_task(lab)]).job_id)


def lab_task(lab: Lab) -> Task:
    notebook = NotebookTask(notebook_path=lab.notebook("plain", "x = 1\n"))
    return Task(task_key="only", notebook_task=notebook, new_cluster=ClusterSpec.from_dict(CLUSTER))


def test_permissions_of_a_job(lab: Lab, job: str) -> None:
    permissions = lab.sdk.permissions
    found = permissions.get("jobs", job)
    assert (found.object_id, found.object_type) == (f"/jobs/{job}", "job")
    assert levels(lab, job) == {USER: ["IS_OWNER"], "admins": ["CAN_MANAGE"]}
    permissions.update(
        "jobs",
        job,
        access_control_list=[
            AccessControlRequest(group_name="analysts", permission_level=PermissionLevel.CAN_VIEW)
        ],
    )
    assert levels(lab, job) == {USER: ["IS_OWNER"], "analysts": ["CAN_VIEW"], "admins": ["CAN_MANAGE"]}
    permissions.set(
        "jobs",
        job,
        access_control_list=[
            AccessControlRequest(user_name="other@example.com", permission_level=PermissionLevel.IS_OWNER)
        ],
    )
    assert levels(lab, job) == {"other@example.com": ["IS_OWNER"], "admins": ["CAN_MANAGE"]}
    known = permissions.get_permission_levels("jobs", job).permission_levels or []
    assert PermissionLevel.CAN_MANAGE_RUN in [level.permission_level for level in known]


def test_what_is_refused(lab: Lab, job: str) -> None:
    owner = AccessControlRequest(user_name=USER, permission_level=PermissionLevel.IS_OWNER)
    view = AccessControlRequest(user_name=USER, permission_level=PermissionLevel.CAN_VIEW)
    read = AccessControlRequest(user_name=USER, permission_level=PermissionLevel.CAN_READ)
    nobody = AccessControlRequest(permission_level=PermissionLevel.CAN_VIEW)
    for entries, message in (
        ([view], "The job must have exactly one owner"),
        ([owner, read], r"Permission type \(CAN_READ\) is not defined"),
        ([owner, nobody], "Exactly one of user_name"),
    ):
        with pytest.raises(InvalidParameterValue, match=message):
            lab.sdk.permissions.set("jobs", job, access_control_list=entries)
    with pytest.raises(InvalidParameterValue, match="is not a type of object with permissions"):
        lab.sdk.permissions.get("nothing", "1")
    with pytest.raises(DatabricksError, match=r"Job 1 does not exist\."):
        lab.sdk.permissions.get("jobs", "1")
    with pytest.raises(InvalidParameterValue, match="is not the id of a job"):
        lab.sdk.permissions.get("jobs", "x")
    with pytest.raises(DatabricksError, match="Cluster none does not exist"):
        lab.sdk.permissions.get("clusters", "none")


def test_pools_and_policies(lab: Lab) -> None:
    assert list(lab.sdk.instance_pools.list()) == []
    (policy,) = lab.sdk.cluster_policies.list()
    assert policy.policy_id is not None
    assert lab.sdk.cluster_policies.get(policy.policy_id).name == "Personal Compute"
    with pytest.raises(NotFound):
        lab.sdk.cluster_policies.get("none")
    with pytest.raises(NotFound):
        lab.sdk.instance_pools.get("none")
