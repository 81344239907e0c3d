"""Resolves the parameters of a program. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from databricks_local.jobs.specs import Parameters, ProgramSpec, PythonFileSpec
from databricks_local.tasks.references import Context, resolve, resolve_all


def resolved_program(
    program: ProgramSpec, context: Context, given: Parameters
) -> tuple[ProgramSpec, dict[str, Any]]:
    """A program as it is run, and `resolved_values`.

    Args:
        program: The program of the task.
        context: The values of references.
        given: The parameters of the run. `python_params` and `python_named_params` of the request replace
            those of the task (docs: run-now).
    """
    listed: Sequence[str] = given.overriding.get("python_params", program.parameters)
    if isinstance(program, PythonFileSpec):
        parameters = _resolved(listed, context)
        values: dict[str, Any] = {"parameters": list(parameters)}
        path = resolve(program.path, context)
        return replace(program, path=path, parameters=parameters), {"spark_python_task": values}
    named = {**program.named_parameters, **given.overriding.get("python_named_params", {})}
    if named:
        # Job parameters are handed down to tasks that take them by name (docs: job parameter push-down).
        named = {**resolve_all(named, context), **context.parameters}
        wheel = replace(program, parameters=(), named_parameters=named)
        return wheel, {"python_wheel_task": {"named_parameters": named}}
    parameters = _resolved(listed, context)
    return replace(program, parameters=parameters), {"python_wheel_task": {"parameters": list(parameters)}}


def _resolved(parameters: Sequence[str], context: Context) -> tuple[str, ...]:
    return tuple(resolve(parameter, context) for parameter in parameters)
