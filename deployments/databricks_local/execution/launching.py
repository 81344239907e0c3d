"""What the process of a task gets: variables, Spark configuration, the facts of its run. Pure."""

import json
import os
import posixpath
from dataclasses import dataclass
from urllib.parse import urlsplit

from databricks_local.execution.engines.choice import in_session
from databricks_local.jobs.engines import SAIL
from databricks_local.jobs.specs import ClusterSpec
from databricks_local.runtime.spark_paths import DEFAULT_FORMAT

SAIL_CONF = {
    # As on Databricks, so that UPDATE, DELETE and MERGE work on any table.
    "spark.sql.sources.default": DEFAULT_FORMAT,
    # Sail lacks the function of the default, which makes the same numbers.
    "pandas_on_Spark.compute.default_index_type": '"sequence"',
}
USAGE_TAGS = "spark.databricks.clusterUsageTags."
WORKSPACE = "/Workspace"


@dataclass(frozen=True)
class WorkspaceFacts:
    """What tasks know of their workspace.

    Attributes:
        origin: Where it is reached.
        workspace_id: Its id.
        authorities: The file of the certificate authorities that clients in tasks trust; empty without TLS.
        inner_origin: Where processes of its own reach it without TLS.
    """

    origin: str = ""
    workspace_id: int = 0
    authorities: str = ""
    inner_origin: str = ""

    @property
    def host(self) -> str:
        """Its host and port, which stand for the name of the workspace."""
        return urlsplit(self.origin).netloc


def task_environment(spec: ClusterSpec, workspace: WorkspaceFacts) -> dict[str, str]:
    """The variables of a task."""
    # "15.4.x-scala2.12" is the runtime 15.4. Notebooks learn from this variable that they run on Databricks.
    runtime = spec.spark_version.split(".x-", 1)[0] or "local"
    # The login of whoever started the workspace is not that of its tasks.
    own = {"DATABRICKS_RUNTIME_VERSION": runtime, "DATABRICKS_CONFIG_FILE": os.devnull}
    if workspace.authorities:
        own["REQUESTS_CA_BUNDLE"] = workspace.authorities
    return {**own, **spec.spark_env_vars}


def spark_conf(cluster_id: str, spec: ClusterSpec, workspace: WorkspaceFacts, engine: str) -> dict[str, str]:
    """The configuration of a session: what tells of cluster and workspace, then the cluster's own.

    Args:
        cluster_id: The cluster.
        spec: Its specification.
        workspace: The workspace.
        engine: What runs Spark there; empty if somebody else runs the server.
    """
    tags = {
        "clusterName": f"job-{cluster_id}",
        **spec.tags,
        "clusterId": cluster_id,
        "clusterOwnerOrgId": str(workspace.workspace_id),
        "orgId": str(workspace.workspace_id),
        "clusterLogDeliveryEnabled": str(bool(spec.log_destination)).lower(),
        "clusterLogDestination": spec.log_destination,
    }
    listed = [{"key": "ClusterId", "value": cluster_id}, {"key": "ClusterName", "value": tags["clusterName"]}]
    tags["clusterAllTags"] = json.dumps(listed)
    told = {f"{USAGE_TAGS}{name}": value for name, value in tags.items()}
    told |= SAIL_CONF if engine == SAIL else {}
    told["spark.databricks.workspaceUrl"] = workspace.host
    # The cluster's own may be set when its server starts, and must not be set anew here.
    others = {name: value for name, value in told.items() if name not in spec.spark_conf}
    return {**others, **in_session(spec, engine)}


def facts_of_task(
    path: str, cluster_id: str, token: str, spec: ClusterSpec, workspace: WorkspaceFacts
) -> dict[str, str]:
    """The facts of a run that are known when it begins; the workspace answers for the rest."""
    return {
        "notebookPath": path.removeprefix(WORKSPACE),
        "apiUrl": workspace.origin,
        "apiToken": token,
        "browserHostName": workspace.host,
        "workspaceId": str(workspace.workspace_id),
        "clusterId": "" if spec.serverless else cluster_id,
    }


def home_of(path: str) -> str:
    """The folder in which a notebook or script of the workspace begins (docs: default working directory).

    Example:
        >>> home_of("/Users/me/report"), home_of("/Workspace/Shared/x.py"), home_of("dbfs:/x.py")
        ('/Workspace/Users/me', '/Workspace/Shared', '')
    """
    if not path.startswith("/") or path.startswith(("/Volumes/", "/dbfs/")):
        return ""
    return posixpath.dirname(path if path.startswith(f"{WORKSPACE}/") else f"{WORKSPACE}{path}")
