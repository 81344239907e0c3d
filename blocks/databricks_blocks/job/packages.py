"""Find packages that are requested twice, or in two versions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from databricks_blocks.job.specification import JobSpecification
from databricks_blocks.job.task_json import Json, with_nested


@dataclass(frozen=True)
class Package:
    """A package, and where it is requested."""

    identity: tuple[str, str]
    version: str
    text: str
    place: str


def package_problems(specification: JobSpecification) -> list[str]:
    """Name every package that one notebook, cluster or environment would get twice."""
    common = [_package(library, "notebook_packages") for library in specification.notebook_packages]
    found: dict[str, None] = dict.fromkeys(_repeated(common))
    for task in specification.tasks:
        for part in with_nested(task.as_json()):
            own = _own_packages(part)
            shared = common if "notebook_task" in part else []
            found |= dict.fromkeys([*_repeated(own), *_between(shared, own)])
    for key, environment in specification.environments.items():
        lines = environment.get("dependencies")
        asked = [
            _python(str(line), f"environment `{key}`") for line in (lines if isinstance(lines, list) else ())
        ]
        found |= dict.fromkeys(_repeated([package for package in asked if package is not None]))
    return [*found, *_on_shared_clusters(specification)]


def _on_shared_clusters(specification: JobSpecification) -> list[str]:
    """Find packages that tasks on one cluster request in different versions; the same version is fine."""
    installed: dict[str, list[Package]] = {}
    found: dict[str, None] = {}
    one_cluster_each = specification.launch == "submit"
    for task in specification.tasks:
        for part in with_nested(task.as_json()):
            key = part.get("existing_cluster_id") or (not one_cluster_each and part.get("job_cluster_key"))
            if key:
                own = _own_packages(part)
                clashes = _between(installed.setdefault(str(key), []), own, versions_only=True)
                found |= dict.fromkeys(clashes)
                installed[str(key)] += own
    return list(found)


def _own_packages(task: Json) -> list[Package]:
    return [_package(library, f"task `{task.get('task_key')}`") for library in task.get("libraries") or ()]


def _repeated(packages: list[Package]) -> Iterator[str]:
    for number, package in enumerate(packages):
        yield from _between(packages[:number], [package])


def _between(first: list[Package], second: list[Package], *, versions_only: bool = False) -> Iterator[str]:
    known = {package.identity: package for package in first}
    for package in second:
        other = known.get(package.identity)
        if other is None or (versions_only and other.version == package.version):
            continue
        name = package.identity[1]
        if other.version == package.version:
            yield f"Package `{name}` is asked for twice: in {other.place} and in {package.place}."
        else:
            yield (
                f"Package `{name}` is asked for in two versions: `{other.text}` in {other.place} and "
                f"`{package.text}` in {package.place}."
            )


def _package(library: Mapping[str, Any], place: str) -> Package:
    """Read one library of the API."""
    kind, value = next(iter(library.items()), ("", ""))
    text = (
        str(value.get("package") or value.get("coordinates") or "")
        if isinstance(value, Mapping)
        else str(value)
    )
    if kind == "pypi":
        return _python(text, place) or Package(("pypi", text), "", text, place)
    if kind == "maven":
        group, _, rest = text.partition(":")
        artifact, _, version = rest.partition(":")
        return Package(("maven", f"{group}:{artifact}"), version, text, place)
    if kind == "whl":
        try:
            name, release, _, _ = parse_wheel_filename(PurePosixPath(text).name)
        except InvalidWheelFilename:
            return Package(("whl", text), "", text, place)
        return Package(("python", name), f"=={release}", text, place)
    return Package((kind, text), "", text, place)


def _python(text: str, place: str) -> Package | None:
    """Read a requirement; `None` for lines that only pip understands, such as an option or a plain URL."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    version = f"{requirement.specifier}{requirement.url or ''}"
    return Package(("python", canonicalize_name(requirement.name)), version, text, place)
