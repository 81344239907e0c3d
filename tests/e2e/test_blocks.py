"""`dbflow blocks`: what works is saved, what does not is named, and no secret is shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import ANY

import pytest
from databricks_blocks.setup.register import register_from
from databricks_blocks.workspace.block import load_workspace
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL

from .conftest import Stack

FOLDER = "/Volumes/main/default/pipes"
SECRETS = ("PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "DATABRICKS_TOKEN")


def register(directory: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command that registers blocks, as on a wide terminal."""
    prefect = {
        "PREFECT_API_URL": PREFECT_API_URL.value(),
        "PREFECT_API_AUTH_STRING": PREFECT_API_AUTH_STRING.value(),
    }
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=directory,
        env={**os.environ, **prefect, "COLUMNS": "500", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def lines(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]


def test_all_that_env_describes_works(stack: Stack, tmp_path: Path) -> None:
    def in_folder() -> list[str | None]:
        return [each.path for each in stack.databricks().files.list_directory_contents(FOLDER)]

    # Runs of other tests that failed keep theirs.
    before = in_folder()
    done = register(tmp_path, "dbflow", "blocks", **stack.endpoints.variables())
    assert done.returncode == 0, done.stderr
    assert lines(done.stdout)[1:] == [
        ["database", "SQLAlchemy Connector", "saved", "PostgreSQL 18.4"],
        ["staging", "S3 Bucket", "saved", "s3://databricks-flows takes, gives and deletes objects"],
        [
            "workspace",
            "Databricks Workspace",
            "saved",
            f"local@dbflow.example at {stack.endpoints.workspace.url}, messages through {FOLDER}",
        ],
        ["warehouse", "Databricks SQL Warehouse", "saved", ANY],
    ]
    assert in_folder() == before
    assert done.stderr == ""
    assert stack.objects() == []


def test_the_module_reads_the_file_and_names_what_is_missing(stack: Stack, tmp_path: Path) -> None:
    variables = stack.endpoints.variables()
    del variables["PGUSER"]
    text = "".join(f"{name}='{value}'\n" for name, value in variables.items())
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    done = register(tmp_path, "databricks_blocks.setup", "database", "workspace")
    assert done.returncode == 1
    assert [line[2:4] for line in lines(done.stdout)[1:]] == [
        ["not saved", "not set: PGUSER"],
        ["saved", f"local@dbflow.example at {stack.endpoints.workspace.url}, messages through {FOLDER}"],
    ]


@pytest.mark.parametrize(
    ("name", "wrong", "detail"),
    [
        ("database", {"PGPASSWORD": "pw-hidden"}, 'password authentication failed for user "dbflow"'),
        ("database", {"PGDATABASE": "nowhere"}, 'database "nowhere" does not exist'),
        ("database", {"PGPORT": "9"}, "Connection refused"),
        ("staging", {"AWS_SECRET_ACCESS_KEY": "s3-hidden"}, "SignatureDoesNotMatch"),
        ("staging", {"STAGING_BUCKET": "nowhere"}, "NoSuchBucket"),
        ("workspace", {"DATABRICKS_TOKEN": "dapi-hidden"}, "refused current user: Invalid access token"),
        (
            "workspace",
            {"PIPES_FOLDER": "/Volumes/main/default/none"},
            "refused PUT /Volumes/main/default/none",
        ),
    ],
)
def test_what_does_not_work_is_told_in_one_line_and_not_saved(
    stack: Stack, name: str, wrong: dict[str, str], detail: str
) -> None:
    [outcome] = register_from({**stack.endpoints.variables(), **wrong}, [name])
    assert not outcome.saved
    assert detail in outcome.detail
    assert "\n" not in outcome.detail
    shown = [
        value for variable, value in {**stack.endpoints.variables(), **wrong}.items() if variable in SECRETS
    ]
    assert not [value for value in shown if value in outcome.detail]
    assert load_workspace("workspace").host == stack.endpoints.workspace.url
    assert stack.objects() == []


def test_a_user_who_must_not_create_schemas_is_told_so(stack: Stack) -> None:
    stack.query("CREATE ROLE reader LOGIN PASSWORD 'reads'")
    try:
        [outcome] = register_from(
            {**stack.endpoints.variables(), "PGUSER": "reader", "PGPASSWORD": "reads"}, ["database"]
        )
    finally:
        stack.query("DROP ROLE reader")
    assert outcome.detail == "the user must not create schemas: GRANT CREATE ON DATABASE … TO …"


def test_an_unknown_block_and_a_server_that_is_away_are_told_in_one_line(
    stack: Stack, tmp_path: Path
) -> None:
    unknown = register(tmp_path, "dbflow", "blocks", "lake")
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "Error: no such block: lake; there are database, staging, workspace, warehouse\n",
    )
    away = register(tmp_path, "databricks_blocks.setup", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert away.returncode == 1
    assert away.stderr.startswith("Error: the Prefect server cannot be used: ")
    assert away.stderr.count("\n") == 1
