"""Libraries of tasks, clusters and serverless environments. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from databricks_local.api import errors
from databricks_local.api.bodies import (
    Json,
    read_object,
    read_objects,
    read_required_string,
    read_string,
    read_string_list,
)
from databricks_local.api.errors import ApiError, invalid_parameter

KINDS = ("cran", "egg", "jar", "maven", "pypi", "requirements", "whl")
INSTALLED_KINDS = ("pypi", "requirements", "whl")
MAX_ENVIRONMENTS = 10
"""Docs: environments of a job or of a submitted run."""


@dataclass(frozen=True)
class Library:
    """A library to install.

    Attributes:
        kind: `pypi`, `whl` or `requirements`, or `dependencies` of a serverless environment.
        value: The requirement, the path, or the lines.
        repo: Of `pypi`, the index to look in.
    """

    kind: str
    value: str
    repo: str = ""

    def __str__(self) -> str:
        """As Databricks names it in messages. Source: dagster#21326."""
        return (
            f'pypi {{ package: "{self.value}" }}' if self.kind == "pypi" else f'{self.kind}: "{self.value}"'
        )


@dataclass(frozen=True)
class Environment:
    """An element of `environments`."""

    version: str
    dependencies: tuple[str, ...]

    @property
    def libraries(self) -> tuple[Library, ...]:
        """The dependencies, as one library: pip resolves them together."""
        return (Library("dependencies", "\n".join(self.dependencies)),) if self.dependencies else ()


def check_libraries(raw: Sequence[Json]) -> None:
    """Refuse elements that are not libraries."""
    for library in raw:
        if len(library) != 1 or next(iter(library)) not in KINDS:
            raise invalid_parameter(f"A library has one of these fields: {', '.join(KINDS)}")


def parse_libraries(body: Json) -> tuple[Library, ...]:
    """Read the `libraries` of a task; refuse those that cannot be installed here."""
    raw = read_objects(body, "libraries")
    check_libraries(raw)
    return tuple(parse_library(library) for library in raw)


def parse_library(raw: Json) -> Library:
    """Read one library.

    Raises:
        ApiError: If its kind is not served here, or something is missing.
    """
    kind = next(iter(raw))
    if kind not in INSTALLED_KINDS:
        raise not_installable(kind)
    if kind != "pypi":
        return Library(kind, _printable(kind, read_required_string(raw, kind)))
    package = read_object(raw, "pypi") or {}
    name = _printable("pypi.package", read_required_string(package, "package"))
    if name.startswith("-"):
        raise invalid_parameter(f"pypi.package is no requirement: {name[:200]}")
    return Library(kind, name, _printable("pypi.repo", read_string(package, "repo")))


def _printable(field: str, value: str) -> str:
    """Refuse text with control characters: it becomes an argument of pip."""
    if not value.isprintable():
        raise invalid_parameter(f"{field} has a character that cannot be printed: {value[:200]!r}")
    return value


def not_installable(kind: str) -> ApiError:
    """A library for the JVM or for R, which the local workspace does not install."""
    return errors.not_served(f"A library of the kind {kind}")


def parse_environments(raw: Sequence[Json]) -> dict[str, Environment]:
    """Read the `environments` of a job or of a submitted run."""
    if len(raw) > MAX_ENVIRONMENTS:
        raise invalid_parameter(
            f"The number of environments must be at most {MAX_ENVIRONMENTS}, but is {len(raw)}."
        )
    environments: dict[str, Environment] = {}
    for item in raw:
        key = read_required_string(item, "environment_key")
        if key in environments:
            raise invalid_parameter(f"Environment keys must be unique, but '{key[:100]}' is repeated.")
        environments[key] = _environment(key, read_object(item, "spec") or {})
    return environments


def _environment(key: str, spec: Json) -> Environment:
    for field in ("base_environment", "java_dependencies", "project_environment"):
        if spec.get(field):
            raise errors.not_served(f"{field} of environment {key[:100]}")
    version = read_string(spec, "environment_version") or read_string(spec, "client")
    if not version:
        # Docs: Environment, "Either environment_version or base_environment needs to be provided".
        raise invalid_parameter(f"Environment '{key[:100]}' has no spec.environment_version.")
    return Environment(version, read_string_list(spec, "dependencies"))
