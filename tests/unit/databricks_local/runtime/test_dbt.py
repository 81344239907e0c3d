"""What a dbt task runs: command lines, profiles, variables."""

import doctest
from pathlib import Path

import pytest
from databricks_local.execution.provisioning import cache
from databricks_local.execution.provisioning import dbt as installation
from databricks_local.jobs.bodies import sql_specs
from databricks_local.runtime.sail import conditions
from databricks_local.runtime.sail import statements as settings
from databricks_local.runtime.warehouse import (
    columns,
    dbt,
    encoding,
    intervals,
    metadata,
    sessions,
    statements,
    values,
)
from databricks_local.runtime.warehouse.dbt import (
    DbtOrder,
    command_line,
    environment_of,
    profile_name,
    profile_of,
)
from databricks_local.sql import history, query_parameters, tags
from databricks_local.sql import sessions as sql_sessions
from databricks_local.tasks import sql

ORDER = DbtOrder(["dbt run"], "/packages", "/sql/1.0/warehouses/w", "main", "green", authorities="/ca.pem")


@pytest.mark.parametrize(
    "module",
    [cache, installation, dbt, sql_specs, conditions, settings, columns, encoding, intervals, metadata,
     sessions, statements, values, history, query_parameters, tags, sql_sessions, sql],
)  # fmt: skip
def test_the_examples_of_the_docstrings(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_the_profile_has_the_warehouse_but_no_token() -> None:
    target = profile_of(ORDER, "mine", "https://127.0.0.1:4711")["mine"]["outputs"]["databricks_cluster"]
    assert (target["host"], target["http_path"]) == ("127.0.0.1", "/sql/1.0/warehouses/w")
    assert (target["catalog"], target["schema"]) == ("main", "green")
    assert target["token"] == "{{ env_var('DBT_ACCESS_TOKEN') }}"
    assert target["connection_parameters"]["_port"] == 4711
    assert target["connection_parameters"]["use_sea"] is True


def test_the_token_is_a_variable_of_dbt_alone() -> None:
    variables = environment_of(ORDER, "a-token")
    assert (variables["DBT_ACCESS_TOKEN"], variables["PYTHONPATH"]) == ("a-token", "/packages")
    assert "a-token" not in ORDER.as_argument()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("dbt run -s 'a b'", ["run", "-s", "a b", "--profiles-dir", "/p"]),
        ("dbt run --profiles-dir mine", ["run", "--profiles-dir", "mine"]),
        ("dbt", []),
    ],
)
def test_command_lines(command: str, words: list[str]) -> None:
    assert command_line(command, "/p")[4:] == words


@pytest.mark.parametrize(
    "line", ["profile: green", "profile:  'green'  # ours", 'profile: "green"', "name: x\nprofile: green\n"]
)
def test_the_name_of_the_profile(tmp_path: Path, line: str) -> None:
    project = tmp_path / "dbt_project.yml"
    project.write_text(f"{line}\n")
    assert profile_name(project) == "green"


def test_a_project_without_a_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="names no profile"):
        profile_name(tmp_path / "dbt_project.yml")
