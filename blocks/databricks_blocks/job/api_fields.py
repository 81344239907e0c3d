"""Fields and limits of the Jobs API 2.2 (docs: jobs/create, jobs/run-now, jobs/runs/submit; SDK 0.156)."""

from __future__ import annotations

HASH_TAG = "databricks_flows_hash"
"""Tag of a saved job that holds the hash of its settings."""

CHANGED_TAG = "databricks_flows_changed_by"
"""Tag of a saved job whose clusters are changed for a repair: hex id of the flow run that has to undo it."""

STARTING_FIELDS = frozenset({"continuous", "schedule", "trigger", "triggers"})
"""Fields of a saved job that make it start by itself."""

JOB_ONLY_FIELDS = STARTING_FIELDS | {
    "deployment",
    "description",
    "edit_mode",
    "format",
    "max_concurrent_runs",
    "parent_path",
    "tags",
}
"""Fields of a saved job that a one-time run does not have."""

RUN_NOW_FIELDS = frozenset(
    {
        "dbt_commands",
        "jar_params",
        "only",
        "pipeline_params",
        "python_named_params",
        "python_params",
        "spark_submit_params",
        "sql_params",
    }
)
"""Fields of a run of a saved job that the job itself does not have."""

OLDER_PARAMETER_FIELDS = (
    "notebook_params",
    "python_params",
    "jar_params",
    "python_named_params",
    "spark_submit_params",
    "sql_params",
    "dbt_commands",
)
"""What gave parameters to a run before `job_parameters`, with which the API refuses them."""

REPEATED_FIELDS = RUN_NOW_FIELDS - {"only"}
"""Of these, the fields that a repair takes as well (docs: jobs/runs/repair)."""

MAX_TASKS = {"submit": 100, "run_now": 1_000}
MAX_ENVIRONMENTS = 10
MAX_TOKEN_LENGTH = 64
MAX_PARAMETER_BYTES = 1_000_000
MAX_RUN_PARAMETER_BYTES = 10_000
MAX_REQUEST_BYTES = 10_000_000
