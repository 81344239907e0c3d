"""What the process of a dbt task does: it runs the commands, with a profile for the warehouse of the task."""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

SOURCE = "from databricks_local.runtime.warehouse.dbt import main\nmain()\n"
"""The program of the task."""

TOKEN_VARIABLE = "DBT_ACCESS_TOKEN"  # noqa: S105 - the name of the variable
_PROFILE = re.compile(r"(?m)^profile\s*:\s*[\'\"]?([^\'\"#\n]+?)[\'\"]?\s*(?:#.*)?$")
_CALL = "from dbt.cli.main import cli; cli()"


@dataclass(frozen=True)
class DbtOrder:
    """What a dbt task runs.

    Attributes:
        commands: The commands, each from `dbt` on.
        packages: The directory in which dbt is installed.
        http_path: The path of the warehouse; empty if the project has a profile of its own.
        catalog: The catalog of the profile; empty for none.
        schema: The schema of the profile.
        profiles: Where the project has its own profile.
        authorities: The file of the certificate authorities to trust.
    """

    commands: list[str]
    packages: str
    http_path: str = ""
    catalog: str = ""
    schema: str = ""
    profiles: str = ""
    authorities: str = ""

    def as_argument(self) -> str:
        """The one argument of the program."""
        return json.dumps(asdict(self))


def main() -> None:
    """Run the commands that the argument names, in the directory of the project, up to the first failure."""
    order = DbtOrder(**json.loads(sys.argv[1]))
    from databricks.sdk.runtime import dbutils

    context = cast(Any, dbutils).notebook.entry_point.getDbutils().notebook().getContext()
    origin, token = context.apiUrl().get(), context.apiToken().get()
    with tempfile.TemporaryDirectory(prefix="dbt-profile-") as folder:
        profiles = order.profiles or "."
        if order.http_path:
            profiles = folder
            text = json.dumps(profile_of(order, profile_name(Path("dbt_project.yml")), origin))
            # JSON is YAML, too.
            Path(folder, "profiles.yml").write_text(text)
        for command in order.commands:
            print(f"+ {command}", flush=True)  # noqa: T201 - the log of the task
            ended = subprocess.run(  # noqa: S603 - what the task asks for, and no shell
                command_line(command, profiles), env=environment_of(order, token), check=False
            )
            if ended.returncode:
                raise SystemExit(f"{command} ended with exit code {ended.returncode}.")


def command_line(command: str, profiles: str) -> list[str]:
    """The command line of a dbt command.

    Example:
        >>> command_line("dbt run --select a", "/p")[4:]
        ['run', '--select', 'a', '--profiles-dir', '/p']
        >>> command_line("dbt run --profiles-dir=own", "/p")[4:]
        ['run', '--profiles-dir=own']
    """
    words = shlex.split(command)[1:]
    is_given = any(word.split("=")[0] == "--profiles-dir" for word in words)
    own = [] if is_given or not words else ["--profiles-dir", profiles]
    # Without the packages of this workspace: dbt has its own.
    return [sys.executable, "-S", "-c", _CALL, *words, *own]


def environment_of(order: DbtOrder, token: str) -> dict[str, str]:
    """The variables of dbt."""
    own = {
        "PYTHONPATH": order.packages,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        TOKEN_VARIABLE: token,
    }
    return {**os.environ, **own}


def profile_of(order: DbtOrder, name: str, origin: str) -> dict[str, Any]:
    """The profile for a warehouse.

    Args:
        order: What the task runs.
        name: The name that the project has for its profile.
        origin: Where the workspace is.
    """
    place = urlsplit(origin)
    target = {
        "type": "databricks",
        "host": place.hostname,
        "http_path": order.http_path,
        "token": f"{{{{ env_var('{TOKEN_VARIABLE}') }}}}",
        "schema": order.schema or "default",
        "threads": 4,
        "connection_parameters": {
            "use_sea": True,
            "_port": place.port,
            "_tls_trusted_ca_file": order.authorities,
            "enable_telemetry": False,
        },
    }
    if order.catalog:
        target["catalog"] = order.catalog
    return {name: {"target": "databricks_cluster", "outputs": {"databricks_cluster": target}}}


def profile_name(project: Path) -> str:
    """The name of the profile that a project asks for."""
    found = _PROFILE.search(project.read_text(encoding="utf-8")) if project.is_file() else None
    if found is None:
        raise SystemExit(f"{project.resolve()} is not there, or names no profile.")
    return found[1]
