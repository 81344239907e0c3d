"""With which parameters a program runs. Pure."""

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
        program: As its task has it.
        context: What references in parameters are resolved against.
        given: The parameters of the run; `python_params` and `python_named_params` of the request take the
            place of the task's own (docs: run-now).
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
