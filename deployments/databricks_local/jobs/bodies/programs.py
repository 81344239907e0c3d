"""Tasks that run a program: what they are, and how they are read out of request bodies. Pure."""

import posixpath

from databricks_local.api.bodies import (
    Json,
    read_choice,
    read_required_string,
    read_string_list,
    read_strings,
)
from databricks_local.api.errors import invalid_parameter
from databricks_local.jobs.specs import ProgramSpec, PythonFileSpec, PythonWheelSpec

SOURCES = ("WORKSPACE", "GIT")
_KNOWN_ROOTS = ("dbfs:/", "/Workspace/", "/Volumes/")


def parse_python_file(task: Json) -> PythonFileSpec:
    """Read a `spark_python_task`."""
    # Unlike a notebook it is of the workspace if it does not say where from (docs: source).
    from_git = read_choice(task, "source", SOURCES, "WORKSPACE") == "GIT"
    path, parameters = read_required_string(task, "python_file"), read_string_list(task, "parameters")
    if from_git:
        if path.startswith("/"):
            # Docs: "For files stored in a remote repository, the path must be relative"; the words are ours.
            raise invalid_parameter(
                f"The path of a Python file with source GIT must be relative: {path[:1000]}"
            )
        return PythonFileSpec(path, parameters, git=True)
    if not path.startswith(("/", "dbfs:/")):
        raise invalid_parameter(
            f"Invalid python_file: {path[:200]}. It must be an absolute path of the workspace or of a "
            "volume, or begin with dbfs:/."
        )
    # Without /Workspace it is a path of the workspace, too (docs: python_file).
    known = posixpath.normpath(path) if path.startswith(_KNOWN_ROOTS) else f"/Workspace{path}"
    return PythonFileSpec(known, parameters)


def parse_python_wheel(task: Json) -> PythonWheelSpec:
    """Read a `python_wheel_task`."""
    parameters, named = read_string_list(task, "parameters"), read_strings(task, "named_parameters")
    if parameters and named:
        # Docs: each is to be left empty if the other is given; the words are not documented.
        raise invalid_parameter("Only one of parameters and named_parameters can be specified.")
    package, entry_point = (
        read_required_string(task, "package_name"),
        read_required_string(task, "entry_point"),
    )
    return PythonWheelSpec(package, entry_point, parameters, named)


def arguments_of(program: ProgramSpec) -> tuple[str, ...]:
    """What follows the program's name on its command line."""
    if isinstance(program, PythonWheelSpec) and program.named_parameters:
        return tuple(f"--{name}={value}" for name, value in program.named_parameters.items())
    return program.parameters
