"""Which environment variables each process of the stack gets: one table, and functions without side effects.

A service gets what the table allows and nothing else, so that a secret of the user reaches none of them,
whatever its name is. The command itself keeps what it does not know (the terminal's variables, say), without
what the libraries would read by themselves and take for settings of the stack.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec

from databricks_local.execution import environment as names
from databricks_local.execution.environment import without_proxy_here

_ALL = frozenset({"postgres", "storage", "databricks", "prefect"})
_PYTHON_SERVICES = frozenset({"databricks", "prefect"})
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Kind:
    """A kind of variables, and who gets it.

    Attributes:
        names: Names, or patterns of names, with spaces between.
        services: The services that get it.
        command: Whether `dbflow run` and `dbflow up` keep it for themselves.
        elsewhere: Whether it leads tools to other servers than those of the stack; `dbflow env` unsets it.
    """

    names: str
    services: frozenset[str] = _NONE
    command: bool = False
    elsewhere: bool = False


# The first kind that matches decides. A variable of no kind: no service gets it, the command keeps it.
KINDS = (
    # The system: where programs, libraries, fonts and temporary files are, and the language.
    Kind(names.SYSTEM, services=_ALL, command=True),
    # Python: where modules and byte code are. Not what changes how it runs (PYTHONWARNINGS, PYTHONSTARTUP).
    Kind(names.PYTHON, services=_ALL, command=True),
    # How many threads numeric libraries use, and which code they choose.
    Kind(names.COMPUTING, services=frozenset({"databricks"}), command=True),
    # Notebooks, pip and Prefect's automations reach other machines. The command talks to this one only.
    Kind(names.PROXIES, services=_PYTHON_SERVICES),
    Kind(names.DIRECT, services=_PYTHON_SERVICES, command=True),
    Kind(names.CERTIFICATES, services=_PYTHON_SERVICES, command=True),
    # Settings of pip: the workspace gives them to pip only, since the URL of an index may have a password.
    Kind(names.PIP, services=frozenset({"databricks"}), command=True),
    # What libraries read by themselves. The stack has servers of its own and sets what is needed.
    Kind("AWS_* BOTO_* S3_*", elsewhere=True),
    Kind("DATABRICKS_* ARM_*", elsewhere=True),
    Kind("PREFECT_API_* PREFECT_CLOUD_* PREFECT_PROFILE", elsewhere=True),
    Kind("PG*", elsewhere=True),
    # The stack stages in one place: a second one would make blocks ambiguous.
    Kind("STAGING_*", elsewhere=True),
    Kind("PIPES_FOLDER", elsewhere=True),
    Kind("PREFECT_* OTEL_* AZURE_* GOOGLE_* GCLOUD_* CLOUDSDK_* GCS_* MSI_*"),
    Kind("SPARK_* PYSPARK_* SAIL_* HADOOP_* WEED_* NETRC"),
    # Settings of our own commands: a database elsewhere, and the service principal of another workspace.
    Kind("DATABASE_URL DBFLOW_WORKSPACE_*"),
)

# Without the user's files and without questions to a cloud's metadata service.
_AWS_OF_THE_STACK = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def service_environment(service: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What a service gets of an environment; its own settings come on top.

    Args:
        service: Its name in `dbflow status`.
        environment: The environment of the command that starts it.

    Returns:
        The allowed variables; what is on this machine is reached without a proxy.

    Example:
        >>> sorted(service_environment("storage", {"HOME": "/h", "GITHUB_TOKEN": "t"}))
        ['HOME', 'NO_PROXY', 'no_proxy']
    """
    passed = {name: value for name, value in environment.items() if service in _kind(name).services}
    if service == "prefect" and find_spec("socksio") is None:
        # Its HTTP client refuses to begin where a SOCKS proxy is named and this package is absent.
        passed = {name: value for name, value in passed.items() if not _is_socks(name, value)}
    return {**passed, **without_proxy_here(passed)}


def command_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What `dbflow run` and `dbflow up` keep of the environment that they are started in."""
    kept = {name: value for name, value in environment.items() if _kind(name).command}
    return {**kept, **without_proxy_here(environment), **_AWS_OF_THE_STACK}


def names_of_other_servers(environment: Iterable[str], exported: Collection[str]) -> list[str]:
    """The variables of a shell that lead its tools to other servers than those of the stack.

    Args:
        environment: Names of the variables of the shell.
        exported: Names of those that `dbflow env` sets.
    """
    return sorted(name for name in environment if _kind(name).elsewhere and name not in exported)


def replace_environment(target: MutableMapping[str, str], wanted: Mapping[str, str]) -> None:
    """Change an environment in place, such as `os.environ`."""
    for name in [name for name in target if name not in wanted]:
        del target[name]
    target.update(wanted)


_OF_NO_KIND = Kind("", command=True)


def _kind(name: str) -> Kind:
    matching = (kind for kind in KINDS if any(fnmatchcase(name, pattern) for pattern in kind.names.split()))
    return next(matching, _OF_NO_KIND)


def _is_socks(name: str, value: str) -> bool:
    return name.lower().endswith("_proxy") and value.lower().startswith("socks")
