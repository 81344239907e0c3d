"""Does the work of dbt tasks: dbt in a process of the task, on a warehouse."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from databricks_local.api.errors import ApiError, invalid_parameter
from databricks_local.execution.cluster import Cluster
from databricks_local.execution.provisioning.cache import InstallationError
from databricks_local.execution.task_executor import Code
from databricks_local.files.tree import leads_inside
from databricks_local.git.checkouts import CheckoutError
from databricks_local.jobs.bodies.sql_specs import words_of
from databricks_local.jobs.specs import DbtSpec, PythonFileSpec
from databricks_local.runs import states
from databricks_local.runs.drive import Drive, Work
from databricks_local.runs.models import TaskRun
from databricks_local.runs.states import State
from databricks_local.runtime.spark_paths import path_rewriter
from databricks_local.runtime.warehouse.dbt import SOURCE, DbtOrder
from databricks_local.sql.records import http_path
from databricks_local.sql.service import Sql
from databricks_local.tasks.calls import TaskCalls
from databricks_local.tasks.compute import on_cluster
from databricks_local.tasks.facts import context_of
from databricks_local.tasks.references import Context, UnresolvedReferenceError, resolve
from databricks_local.tasks.work import ending, on_ready

NEEDS_TLS = (
    "dbt reaches a warehouse by https only: start the workspace with --tls (LocalWorkspace(tls=True))."
)


def with_dbt(work: Work, sql: Sql, places: Mapping[str, str], authorities: str) -> Work:
    """The work of all kinds of tasks, dbt tasks included.

    Args:
        work: The work of the others.
        sql: The warehouses.
        places: Where the paths of the workspace are on disk.
        authorities: The file of the certificate authorities that clients trust; empty without TLS.
    """

    async def do_work(drive: Drive, task: TaskRun, inputs: tuple[Any, ...]) -> State:
        body = task.spec.body
        if not isinstance(body, DbtSpec):
            return await work(drive, task, inputs)
        try:
            context = context_of(drive, task, inputs)
            if body.warehouse_id:
                sql.warehouses.usable(resolve(body.warehouse_id, context))
            if body.warehouse_id and not authorities:
                return _refused(task, NEEDS_TLS)
            project = await _project(drive, body, context, places)
            packages = await drive.tools.executor.dbt_packages()
            return await _dbt(drive, task, _order(body, context, packages, authorities), project)
        except CheckoutError as error:
            return states.checkout_failed(str(error))
        except InstallationError as error:
            task.error = f"dbt-databricks could not be installed: {error}"
            return states.library_failure(task.error)
        except (ApiError, UnresolvedReferenceError) as error:
            return _refused(task, str(error))

    return do_work


def _refused(task: TaskRun, reason: str) -> State:
    task.error = reason
    return states.invalid_configuration(reason)


async def _project(drive: Drive, body: DbtSpec, context: Context, places: Mapping[str, str]) -> Code:
    """The files of a project, of which the task gets a copy: dbt writes beside them."""
    directory = resolve(body.project_directory, context)
    if body.git:
        roots = [(await drive.checkout.get()).directory]
        root = roots[0] / directory
    else:
        roots = [Path(place) for place in places.values()]
        root = Path(path_rewriter(places)(directory))
    inside = any(leads_inside(root, each.resolve()) for each in roots)
    if not inside or not (root / "dbt_project.yml").is_file():
        raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"{directory or '.'} has no dbt_project.yml.")
    return Code(SOURCE, root)


def _order(body: DbtSpec, context: Context, packages: str, authorities: str) -> DbtOrder:
    commands = [resolve(command, context) for command in body.commands]
    for command in commands:
        # The value of a reference may have a quote.
        if words_of(command) is None:
            raise invalid_parameter(f"A command has a quote that is open: {command[:200]}")
    return DbtOrder(
        commands,
        packages,
        http_path(resolve(body.warehouse_id, context)) if body.warehouse_id else "",
        resolve(body.catalog, context),
        resolve(body.schema, context),
        body.profiles_directory,
        authorities,
    )


async def _dbt(drive: Drive, task: TaskRun, order: DbtOrder, project: Code) -> State:
    task.resolved = {"dbt_task": {"commands": order.commands}}
    program = PythonFileSpec("dbt_task.py", (order.as_argument(),), git=True)

    async def execute(cluster: Cluster) -> State:
        calls = TaskCalls(drive, task, cluster, program.path)
        result = await drive.tools.executor.run_program(
            cluster, program, project, on_ready(drive, task), calls.answer
        )
        return ending(task, result)

    return await on_cluster(drive, task, execute)
