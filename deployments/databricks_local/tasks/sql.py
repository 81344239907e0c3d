"""Does the work of SQL tasks: the statements of a query or a file, one after the other, on a warehouse."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from databricks_local.api.bodies import Json
from databricks_local.api.errors import ApiError
from databricks_local.git.checkouts import CheckoutError
from databricks_local.jobs.parameters import pushed_down
from databricks_local.jobs.specs import SqlSpec
from databricks_local.runs import states
from databricks_local.runs.drive import Drive, Work
from databricks_local.runs.models import TaskRun
from databricks_local.runs.states import State
from databricks_local.runtime.magics.sql import bound_parameters
from databricks_local.runtime.source import split_statements
from databricks_local.sql.query_parameters import defaults_of, types_of
from databricks_local.sql.requests import StatementRequest
from databricks_local.sql.service import Sql
from databricks_local.sql.statement_records import StatementRecord, StatementState
from databricks_local.tasks.code import text_of
from databricks_local.tasks.facts import context_of
from databricks_local.tasks.references import Context, UnresolvedReferenceError, resolve, resolve_all

Bound = tuple[str, list[dict[str, Any]]]
"""A statement and its parameters."""

_MUSTACHE = re.compile(r"\{\{\s*([\w.\-]+)\s*\}\}")


def with_sql(work: Work, sql: Sql) -> Work:
    """The work of all kinds of tasks, SQL tasks included."""

    async def do_work(drive: Drive, task: TaskRun, inputs: tuple[Any, ...]) -> State:
        body = task.spec.body
        if not isinstance(body, SqlSpec):
            return await work(drive, task, inputs)
        try:
            context = context_of(drive, task, inputs)
            drive.set_task(task, states.RUNNING)
            return await _sql(drive, task, body, context, sql)
        except UnresolvedReferenceError as error:
            task.error = str(error)
            return states.invalid_configuration(task.error)

    return do_work


async def _sql(drive: Drive, task: TaskRun, body: SqlSpec, context: Context, sql: Sql) -> State:
    parameters = _parameters(drive, body, context)
    body = replace(body, warehouse_id=resolve(body.warehouse_id, context))
    task.resolved = {"sql_task": {"parameters": parameters, "warehouse_id": body.warehouse_id}}
    try:
        text, place = await _text(drive, body, context, sql)
        values = {**defaults_of(place), **parameters}
        # In a thread: a text may have megabytes.
        statements = await asyncio.to_thread(bound_statements, text, values, types_of(place))
        return await _statements(drive, task, body, sql, text, place, statements)
    except CheckoutError as error:
        return states.checkout_failed(str(error))
    except ApiError as error:
        task.error = error.message
        return states.invalid_configuration(task.error)


def _parameters(drive: Drive, body: SqlSpec, context: Context) -> dict[str, str]:
    """The parameters of a task. Those of the job win; `sql_params` of the request win over both (docs)."""
    own = resolve_all(body.parameters, context)
    given = drive.run.parameters.overriding.get("sql_params", {})
    return {**pushed_down(own, drive.run.parameters), **context.parameters, **resolve_all(given, context)}


async def _text(drive: Drive, body: SqlSpec, context: Context, sql: Sql) -> tuple[str, Json]:
    """The text of a query or a file; and of a query what is known besides."""
    if body.query_id:
        query = sql.queries.get(resolve(body.query_id, context))
        return str(query.get("query_text", "")), query
    path = resolve(body.path, context)
    if body.git:
        checkout = await drive.checkout.get()
        return await asyncio.to_thread(text_of, checkout.file(path)), {}
    found = await asyncio.to_thread(drive.tools.file_source, path)
    if found is None:
        raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"The SQL file {path[:1000]} does not exist.")
    return found, {}


async def _statements(
    drive: Drive, task: TaskRun, body: SqlSpec, sql: Sql, text: str, place: Json, statements: list[Bound]
) -> State:
    begin = {"catalog": place.get("catalog", ""), "schema": place.get("schema", "")}
    session_id = sql.sessions.create({"warehouse_id": body.warehouse_id, **begin})
    output: Json = {"query_text": text, "warehouse_id": body.warehouse_id, "sql_statements": []}
    kind = "query_output" if body.query_id else "file_output"
    if body.query_id:
        output["endpoint_id"] = body.warehouse_id
    task.sql_output = {kind: output}
    job_info = {
        "job_id": str(drive.run.job_id),
        "job_run_id": str(drive.run.run_id),
        "job_task_run_id": str(task.run_id),
    }
    try:
        for statement, bound in statements:
            request = StatementRequest(
                statement, body.warehouse_id, session_id, parameters=bound, row_limit=MAX_ROWS
            )
            record = await sql.statements.begin(request, {"job_info": job_info})
            output["sql_statements"].append({"lookup_key": record.statement_id})
            drive.tools.store.changed_task(drive.run, task)
            await _ended(sql, record)
            if record.state is not StatementState.SUCCEEDED:
                task.error = record.outcome.message or f"The statement was {record.state.lower()}."
                return states.workload_failure(task.error)
    finally:
        await sql.sessions.end(session_id)
    return states.SUCCESS


MAX_ROWS = 1_000
"""How many rows of a statement in a job are kept. Nobody fetches them but by hand; not documented."""


async def _ended(sql: Sql, record: StatementRecord) -> None:
    """Wait for the end of a statement, which is cancelled with the task."""
    try:
        await sql.statements.ended(record)
    finally:
        sql.statements.cancel(record.statement_id)


def bound_statements(text: str, values: Mapping[str, str], types: Mapping[str, str]) -> list[Bound]:
    """The statements of a text, each with its parameters.

    Args:
        text: The text.
        values: The values of parameters.
        types: Their types, if they are not text.

    Example:
        >>> bound_statements("SELECT :n", {"n": "1"}, {"n": "DOUBLE"})
        [('SELECT :n', [{'name': 'n', 'value': '1', 'type': 'DOUBLE'}])]
    """
    return [
        (
            statement,
            [
                {"name": name, "value": value, "type": types.get(name, "")}
                for name, value in bound_parameters(statement, values).items()
            ],
        )
        for statement in split_statements(with_values(text, values))
    ]


def with_values(text: str, values: Mapping[str, str]) -> str:
    """A text with the values of parameters in double braces; what is no parameter stays.

    Example:
        >>> with_values("SELECT * FROM t_{{ year }} WHERE a = '{{b}}'", {"year": "2024"})
        "SELECT * FROM t_2024 WHERE a = '{{b}}'"
    """
    return _MUSTACHE.sub(lambda found: values.get(found[1], found[0]), text)
