"""Which environment variables the processes of the workspace get: one table, and pure functions.

Notebooks and programs run code that others wrote. They get what the table allows and nothing else, so that
no secret in the environment of whoever starts the workspace reaches them, whatever its name is. A variable
for a task is given on purpose: by `spark_env_vars` of its cluster, or as a secret.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

SYSTEM = (
    "PATH HOME USER LOGNAME SHELL LANG LANGUAGE LC_* TZ TZDIR TMPDIR TMP TEMP XDG_* MPLCONFIGDIR "
    "FONTCONFIG_* LD_LIBRARY_PATH DYLD_* NIX_LD NIX_LD_* "
    "SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT USERPROFILE APPDATA LOCALAPPDATA PROGRAMDATA"
)
"""Where programs, libraries, fonts and temporary files are, and the language. Windows has its own names."""

PYTHON = (
    "PYTHONPATH PYTHONHOME PYTHONPYCACHEPREFIX PYTHONDONTWRITEBYTECODE PYTHONUTF8 PYTHONIOENCODING "
    "PYTHONUNBUFFERED VIRTUAL_ENV CONDA_PREFIX"
)
"""Where modules and byte code are. Not what changes how Python runs, such as `PYTHONWARNINGS`."""

COMPUTING = "OMP_* OPENBLAS_* MKL_* NVPL_* NUMEXPR_* RAYON_* TOKIO_* MALLOC_* CUDA_VISIBLE_DEVICES"
"""How many threads numeric libraries use, and which code they choose."""

PROXIES = "HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy grpc_proxy"
"""How other machines are reached."""

DIRECT = "NO_PROXY no_proxy no_grpc_proxy"
"""Which machines are reached without a proxy."""

CERTIFICATES = (
    "SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE NIX_SSL_CERT_FILE "
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"
)
"""Which certificates are trusted."""

TASKS = f"{SYSTEM} {PYTHON} {COMPUTING} {PROXIES} {DIRECT} {CERTIFICATES}"
"""What tasks, clusters, `%sh` and pip get: names, and patterns of names."""

PIP = "PIP_*"
"""What pip gets besides. Notebooks do not: the URL of a package index may have a password."""

CLUSTERS = "AWS_*"
"""What clusters get besides, in place of an instance profile. Notebooks do not."""

_THIS_MACHINE = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class Environments:
    """The environment of a server, divided up among its processes.

    Attributes:
        tasks: What every process gets.
        clusters: What clusters get besides.
        pip: What pip gets besides.
    """

    tasks: Mapping[str, str] = field(default_factory=dict)
    clusters: Mapping[str, str] = field(default_factory=dict, repr=False)
    pip: Mapping[str, str] = field(default_factory=dict, repr=False)


def divide(environment: Mapping[str, str]) -> Environments:
    """Divide the environment of the server up among its processes.

    Example:
        >>> divided = divide({"HOME": "/h", "PIP_INDEX_URL": "u", "AWS_REGION": "r", "GITHUB_TOKEN": "t"})
        >>> sorted(divided.tasks), divided.clusters, divided.pip
        (['HOME', 'NO_PROXY', 'no_proxy'], {'AWS_REGION': 'r'}, {'PIP_INDEX_URL': 'u'})
    """
    tasks = _those(environment, TASKS)
    return Environments(
        {**tasks, **without_proxy_here(tasks)}, _those(environment, CLUSTERS), _those(environment, PIP)
    )


def server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What the server of a `LocalWorkspace` gets of the process that starts it.

    Storage keys of that process (`AWS_*`) are not for it: a test would reach real buckets.
    """
    divided = divide(environment)
    return {**divided.tasks, **divided.pip}


def without_proxy_here(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables by which what is on this machine is reached without a proxy.

    Args:
        environment: An environment. What it excludes from the proxy stays excluded.

    Returns:
        `NO_PROXY` and `no_proxy`, since some libraries read one and some the other; gRPC's variable if set.

    Example:
        >>> without_proxy_here({"NO_PROXY": "intranet.example"})["no_proxy"]
        'intranet.example,127.0.0.1,localhost'
    """
    common = _with_this_machine(environment.get(name, "") for name in ("NO_PROXY", "no_proxy"))
    changed = {"NO_PROXY": common, "no_proxy": common}
    if "no_grpc_proxy" in environment:
        changed["no_grpc_proxy"] = _with_this_machine([environment["no_grpc_proxy"]])
    return changed


def _those(environment: Mapping[str, str], names: str) -> dict[str, str]:
    patterns = names.split()
    return {
        name: value
        for name, value in environment.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def _with_this_machine(lists: Iterable[str]) -> str:
    entries = [entry.strip() for text in lists for entry in text.split(",") if entry.strip()]
    if "*" in entries:
        return "*"
    return ",".join(dict.fromkeys([*entries, *_THIS_MACHINE]))
