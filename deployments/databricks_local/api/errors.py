"""Refusals in Databricks' words: one constructor per documented error."""

from typing import Any


class ApiError(Exception):
    """Raised to refuse a request; becomes the documented JSON envelope."""

    def __init__(self, status: int, error_code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message

    def as_dict(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"error_code": self.error_code, "message": self.message}


def invalid_parameter(message: str) -> ApiError:
    """A value that the API refuses."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def malformed_request(message: str) -> ApiError:
    """A body that is not JSON, or a value of the wrong type."""
    return ApiError(400, "MALFORMED_REQUEST", message)


def invalid_json() -> ApiError:
    """A body that cannot be parsed."""
    return malformed_request("Invalid JSON given in the body of the request - failed to parse given JSON")


def missing_credentials() -> ApiError:
    """A request without a token."""
    return ApiError(
        401, "UNAUTHORIZED", "Credential was not sent or was of an unsupported type for this API."
    )


def wrong_token() -> ApiError:
    """A request with a token that is not the workspace's."""
    return ApiError(403, "PERMISSION_DENIED", "Invalid access token.")


def endpoint_not_found(method: str, path: str) -> ApiError:
    """An unknown method and path. The message names the path without its `/api`."""
    return ApiError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} {path.removeprefix('/api')}'")


def request_too_large(limit: int) -> ApiError:
    """A body over the documented size (docs: Jobs API 2.0, 10 MB)."""
    return ApiError(400, "MAX_REQUEST_SIZE_EXCEEDED", f"The request body is larger than {limit} bytes.")


def shared_cluster_not_supported() -> ApiError:
    """`job_clusters` in `runs/submit`. Source: dbx#646, Microsoft Q&A 922078."""
    return invalid_parameter("Shared job cluster feature is not supported in runs/submit API.")


def compute_missing() -> ApiError:
    """A task whose `job_cluster_key` has nothing to point at. Source: databricks/cli#1039."""
    return invalid_parameter("One of job_cluster_key, new_cluster, or existing_cluster_id must be specified.")


def several_computes() -> ApiError:
    """A task with more than one kind of compute; the words are made after databricks/cli#1039."""
    return invalid_parameter(
        "Only one of job_cluster_key, new_cluster, or existing_cluster_id must be specified."
    )


def environment_missing(key: str) -> ApiError:
    """A task other than a notebook that is serverless without environment. Source: databricks-sdk-py#1228."""
    return invalid_parameter(
        f"An environment is required for serverless task {key}. Please define one using `environments` and "
        "`environment_key`. For more details, please refer to the API documentation at "
        "https://docs.databricks.com"
    )


def environment_not_defined(environment: str, key: str) -> ApiError:
    """A task that names an unknown environment. Source: dbt-databricks#1055."""
    return invalid_parameter(
        f"Job environment '{environment[:120]}' used by task {key} is not defined in field 'environments'."
    )


def serverless_libraries() -> ApiError:
    """Libraries of a serverless task (docs: they belong to its environment; the words are not known)."""
    return invalid_parameter(
        "Libraries field is not supported for serverless task, please specify libraries in environment."
    )


def not_an_all_purpose_cluster() -> ApiError:
    """The id of a job cluster as `existing_cluster_id`. Source: databricks-sdk-py#744."""
    return invalid_parameter("existing_cluster_id only supports all-purpose cluster IDs")


def job_cluster_not_defined(key: str) -> ApiError:
    """A task that names a shared cluster which its job does not have. Source: lakebridge#2132."""
    return invalid_parameter(f"Job cluster '{key[:120]}' is not defined in field 'job_clusters'.")


def relative_notebook() -> ApiError:
    """The path of a notebook of the workspace that does not begin at its root."""
    return invalid_parameter("Only absolute paths are currently supported. Paths must begin with '/'.")


def belongs_to_nested_task(key: str, field: str) -> ApiError:
    """A field of a for-each task that only the task in it can have (the words are ours)."""
    return invalid_parameter(
        f"Task {key} has a for_each_task, so that {field} belongs to the task in it: "
        f"for_each_task.task.{field}."
    )


def mixed_parameters(older: str) -> ApiError:
    """`job_parameters` together with an older field for parameters (the words are ours)."""
    return invalid_parameter(f"Only one of job_parameters and {older} can be specified.")


def no_tasks() -> ApiError:
    """A run without tasks."""
    return invalid_parameter("At least one task must be specified.")


def job_not_found(job_id: int) -> ApiError:
    """An unknown job: 400, not 404 (databricks-sdk-py, error overrides)."""
    return invalid_parameter(f"Job {job_id} does not exist.")


def job_to_get_not_found(job_id: int) -> ApiError:
    """An unknown job in `jobs/get`: a 404 by now. Source: databricks/cli, its test server."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Job {job_id} does not exist.")


def job_unreadable(job_id: int, reason: str) -> ApiError:
    """A job that an earlier version of the local workspace saved, and that this one cannot read."""
    return ApiError(
        400,
        "INVALID_STATE",
        f"The settings of job {job_id} cannot be read: {reason} Reset or delete the job.",
    )


def not_written(reason: str) -> ApiError:
    """A change that is not on disk yet, since there is no room. The SDK does not repeat a 500."""
    return ApiError(
        500, "INTERNAL_ERROR", f"The local workspace cannot keep the change yet: {reason}. It tries again."
    )


def concurrency_reached(job_id: int, limit: int) -> ApiError:
    """A repair of a job with too many active runs (what Databricks says is not known)."""
    return ApiError(
        400, "INVALID_STATE", f"Job {job_id} has reached its limit of {limit} maximum concurrent runs."
    )


def shared_cluster_without_tasks() -> ApiError:
    """`job_clusters` without `tasks`. Source: databricks/cli, acceptance test jobs/create-error."""
    return invalid_parameter("Shared job cluster feature is only supported in multi-task jobs.")


def run_of_token_deleted(run_id: int) -> ApiError:
    """A token whose run was deleted (docs: "an error is returned", whose words are not known)."""
    return invalid_parameter(f"Run {run_id} of this idempotency_token was deleted.")


def run_active(run_id: int, what: str) -> ApiError:
    """Something that only works on runs that ended (docs: delete, repair; the words are not documented)."""
    return invalid_parameter(f"Run {run_id} is active. Only runs that are not active can be {what}.")


def latest_repair_id_missing() -> ApiError:
    """A second repair without the id of the one before. Source: databricks-sdk-py#157."""
    return invalid_parameter("The latest repair ID needs to be provided in order to create a new repair")


def repeated_rerun_tasks() -> ApiError:
    """Source: airflow#69998."""
    return invalid_parameter("rerun_tasks cannot contain duplicate task keys.")


def repair_of_submitted_run() -> ApiError:
    """A repair of a submitted run. There is no evidence that Databricks can do it."""
    return invalid_parameter("Only runs of a job can be repaired, not runs made by runs/submit.")


def not_a_notebook_run() -> ApiError:
    """Docs: runs/export, "Only notebook runs can be exported in HTML format"."""
    return invalid_parameter("Only notebook runs can be exported in HTML format.")


def run_not_found(run_id: int) -> ApiError:
    """An unknown run: 400, not 404; the SDK turns it into ResourceDoesNotExist."""
    return invalid_parameter(f"Run {run_id} does not exist.")


def output_of_several_tasks() -> ApiError:
    """`get-output` with the id of the whole run. Source: databricks-sdk-py#997, prefect#13127."""
    return invalid_parameter(
        "Retrieving the output of runs with multiple tasks is not supported. "
        "Please retrieve the output of each individual task run instead."
    )


def not_served(what: str) -> ApiError:
    """Something that Databricks serves and this workspace does not, yet."""
    return invalid_parameter(f"{what} is not served by the local workspace yet.")


def path_not_found(path: str) -> ApiError:
    """No object at a workspace path. Source: databrickslabs/migrate#10."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Path ({path}) doesn't exist.")


def parent_not_found(path: str) -> ApiError:
    """The folder of a new object is missing. Source: gbrueckl/Databricks.API.PowerShell#88."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"The parent folder ({path}) does not exist.")


def path_exists(path: str) -> ApiError:
    """An object that is already there. Source: databrickslabs/migrate#15."""
    return ApiError(400, "RESOURCE_ALREADY_EXISTS", f"Path ({path}) already exists.")


def directory_not_empty(path: str) -> ApiError:
    """A folder deleted without `recursive` while it holds something."""
    return ApiError(400, "DIRECTORY_NOT_EMPTY", f"Folder ({path}) is not empty")


def object_too_large(size: int, limit: int) -> ApiError:
    """An import or export of more than 10 MB. Source: databricks/cli#3691, ucx#4675.

    The code was MAX_NOTEBOOK_SIZE_EXCEEDED before (docs, automl#112).
    """
    message = f"File size imported is ({size} bytes), exceeded max size ({limit} bytes)"
    return ApiError(400, "BAD_REQUEST", message)


def relative_path(path: str) -> ApiError:
    """A workspace path that does not begin at the root."""
    return invalid_parameter(f"Path ({path}) doesn't start with '/'")
