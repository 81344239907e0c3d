"""`dbflow plan`: what launching a job would do, written for a terminal or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from databricks_blocks.job.plan import JobPlan
    from databricks_blocks.job.specification import JobSpecification, LaunchMode


def renewable_job(launch: LaunchMode) -> JobSpecification:
    """The job of the renewable analysis; what only a run knows stands in angle brackets."""
    from databricks_flows.renewable.notebook_job import DEFAULT_CLUSTER, NOTEBOOK_DIRECTORY, notebook_job
    from databricks_flows.renewable.scope import RunScope
    from databricks_flows.renewable.share_files import DATA_DIRECTORY, find_share_files

    scope = RunScope("", "", "", prefix="<flow run>", staging_uri="s3://<bucket>/<flow run>")
    tables = [file.table for file in find_share_files(DATA_DIRECTORY)]
    return notebook_job(tables, scope, NOTEBOOK_DIRECTORY, DEFAULT_CLUSTER, launch)


def as_text(plan: JobPlan) -> str:
    """The graph, the clusters of each launch, and the requests of the chosen one."""
    lines = [plan.as_text()]
    for endpoint, body in plan.launches[0].requests:
        lines += ["", f"POST /api/2.2/jobs/{endpoint}", json.dumps(body, indent=2, ensure_ascii=False)]
    return "\n".join(lines)


def as_json(plan: JobPlan, notes: list[str]) -> dict[str, Any]:
    """The whole plan, with the requests of every way to launch it."""
    return {
        "name": plan.name,
        "launch": plan.launch,
        "notes": notes,
        "tasks": [{"task_key": key, "kind": kind} for key, kind in plan.tasks],
        "edges": [{"from": start, "to": end, "outcome": outcome} for start, end, outcome in plan.edges],
        "launches": {
            way.launch: {
                "requests": [{"endpoint": endpoint, "body": body} for endpoint, body in way.requests],
                "clusters": None
                if way.clusters is None
                else [{"name": cluster.name, "tasks": list(cluster.tasks)} for cluster in way.clusters],
                "starts": way.cluster_count,
                "problems": list(way.problems),
            }
            for way in plan.launches
        },
    }
