"""Blocks from variables: what is missing or wrong is named, and no value is shown."""

from __future__ import annotations

from typing import Any

import pytest
from databricks_blocks.setup.database_url import DatabaseUrlSettings
from databricks_blocks.setup.register import SETTINGS, fingerprint, register_from
from databricks_blocks.setup.settings import (
    BucketSettings,
    DatabaseSettings,
    SettingsError,
    WorkspaceSettings,
)

DATABASE = {"PGHOST": "db.example", "PGDATABASE": "dwh", "PGUSER": "etl", "PGPASSWORD": "pg-hidden"}
BUCKET = {
    "STAGING_BUCKET": "intake",
    "AWS_ACCESS_KEY_ID": "key-hidden",
    "AWS_SECRET_ACCESS_KEY": "aws-hidden",
    "AWS_REGION": "eu-central-1",
}
WORKSPACE = {"DATABRICKS_HOST": "https://dbc.example", "DATABRICKS_TOKEN": "dapi-hidden"}
OAUTH = {
    "DATABRICKS_HOST": "dbc.example",
    "DATABRICKS_CLIENT_ID": "id",
    "DATABRICKS_CLIENT_SECRET": "oauth-hidden",
}
WAREHOUSE = {"DATABRICKS_WAREHOUSE_ID": "0123456789abcdef"}
ALL = DATABASE | BUCKET | WORKSPACE | WAREHOUSE


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "not set: PGHOST, PGDATABASE, PGUSER"),
        (DATABASE | {"PGHOST": ""}, "not set: PGHOST"),
        (DATABASE | {"PGPORT": "many"}, "PGPORT Input should be a valid integer"),
        ({"PGUSER": "me", "PGPORT": "0"}, "not set: PGHOST, PGDATABASE; PGPORT Input should be greater"),
    ],
)
def test_what_is_missing_or_wrong_for_the_database_is_named(variables: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        DatabaseSettings.read(variables)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "not set: STAGING_BUCKET"),
        (
            BUCKET | {"AWS_SECRET_ACCESS_KEY": ""},
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together",
        ),
        (BUCKET | {"AWS_SESSION_TOKEN": "session-hidden"}, "AWS_SESSION_TOKEN is set, so the keys end"),
    ],
)
def test_what_is_missing_or_wrong_for_the_bucket_is_named(variables: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        BucketSettings.read(variables)
    assert str(refused.value).startswith(message)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "not set: DATABRICKS_HOST"),
        ({"DATABRICKS_HOST": "dbc.example"}, "set either DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and"),
        (WORKSPACE | OAUTH, "set either DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and"),
        (OAUTH | {"DATABRICKS_CLIENT_ID": ""}, "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET belong"),
        (WORKSPACE | {"PIPES_FOLDER": "/tmp/pipes"}, "PIPES_FOLDER a folder for messages is /Volumes/"),
    ],
)
def test_what_is_missing_or_wrong_for_the_workspace_is_named(variables: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        WorkspaceSettings.read(variables)
    assert str(refused.value).startswith(message)
    assert "hidden" not in str(refused.value)


def test_the_workspace_block_names_the_folder_for_messages() -> None:
    folder = "/Volumes/main/ops/pipes"
    assert WorkspaceSettings.read(WORKSPACE | {"PIPES_FOLDER": folder}).block().pipes_folder == folder
    assert WorkspaceSettings.read(WORKSPACE).block().pipes_folder == ""


def test_the_database_block_has_what_was_given() -> None:
    block = DatabaseSettings.read(DATABASE | {"PGSSLMODE": "require"}).block()
    url = block.connection_info.create_url()
    assert url.render_as_string(hide_password=False) == (
        "postgresql+psycopg2://etl:pg-hidden@db.example:5432/dwh?sslmode=require"
    )


def test_without_keys_the_bucket_is_reached_by_the_role_of_the_worker() -> None:
    credentials = BucketSettings.read({"STAGING_BUCKET": "intake"}).block().credentials
    assert (credentials.aws_access_key_id, credentials.aws_secret_access_key) == (None, None)


@pytest.mark.parametrize(
    ("variables", "login"),
    [
        (WORKSPACE, ("dapi-hidden", None, None, None)),
        (OAUTH, (None, "id", "oauth-hidden", None)),
        (OAUTH | {"ARM_TENANT_ID": "tenant"}, (None, "id", "oauth-hidden", "tenant")),
        (WORKSPACE | {"ARM_TENANT_ID": "tenant"}, ("dapi-hidden", None, None, None)),
    ],
)
def test_the_workspace_is_logged_in_to_by_token_or_service_principal(
    variables: dict[str, str], login: tuple[str | None, ...]
) -> None:
    block = WorkspaceSettings.read(variables).block()
    assert block.host == "https://dbc.example"
    shown = (block.token, block.client_id, block.client_secret, block.tenant_id)
    values = [v.get_secret_value() if hasattr(v, "get_secret_value") else v for v in shown]
    assert tuple(values) == login


def test_no_secret_is_shown_and_yet_every_value_counts_in_the_fingerprint() -> None:
    def settings(variables: dict[str, str]) -> dict[str, Any]:
        return {name: kind.read(variables) for name, kind in SETTINGS.items()}

    assert "hidden" not in repr(settings(ALL))
    prints = {fingerprint(settings(ALL))}
    for name in ALL.keys() - {"PGDATABASE"}:
        changed = ALL | {name: f"other-{ALL[name]}"}
        prints.add(fingerprint(settings(changed)))
    assert len(prints) == len(ALL)


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"DATABRICKS_WAREHOUSE_ID": "/sql/1.0/warehouses/abc"}, ("abc", "", "", "")),
        (
            {"DATABRICKS_WAREHOUSE_NAME": "W", "DATABRICKS_CATALOG": "main", "DATABRICKS_SCHEMA": "elt"},
            ("", "W", "main", "elt"),
        ),
    ],
)
def test_the_warehouse_is_read_with_its_workspace(variables: dict[str, str], found: tuple[str, ...]) -> None:
    block: Any = SETTINGS["warehouse"].read(WORKSPACE | variables).block()
    assert block.workspace.host == "https://dbc.example"
    assert (block.warehouse_id, block.warehouse_name, block.catalog, block.schema_name) == found


@pytest.mark.parametrize(
    "variables", [{}, {"DATABRICKS_WAREHOUSE_ID": "a", "DATABRICKS_WAREHOUSE_NAME": "b"}]
)
def test_a_warehouse_has_an_id_or_a_name(variables: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="set DATABRICKS_WAREHOUSE_ID or DATABRICKS_WAREHOUSE_NAME, one"):
        SETTINGS["warehouse"].read(WORKSPACE | variables)


def test_a_warehouse_that_nobody_names_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("databricks_blocks.setup.register.check_block", lambda block: pytest.fail("called"))
    assert [outcome.name for outcome in register_from({})] == ["database", "staging", "workspace"]
    assert [outcome.name for outcome in register_from({}, ["warehouse"])] == ["warehouse"]
    assert "warehouse" in [outcome.name for outcome in register_from({"DATABRICKS_WAREHOUSE_ID": "a"})]


def test_what_is_not_described_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("databricks_blocks.setup.register.check_block", lambda block: pytest.fail("called"))
    outcomes = register_from({})
    assert [outcome.saved for outcome in outcomes] == [False, False, False]
    assert all(outcome.detail.startswith("not set: ") for outcome in outcomes)


@pytest.mark.parametrize(
    ("url", "driver", "shown"),
    [
        ("sqlite:////data/dwh.db", "sqlite", "sqlite:////data/dwh.db"),
        ("duckdb:////data/dwh.db", "duckdb", "duckdb:////data/dwh.db"),
        (
            "postgresql://me:p%40-hidden@db/dwh?sslmode=require",
            "postgresql+psycopg2",
            "postgresql+psycopg2://me:***@db/dwh?sslmode=require",
        ),
        ("mysql+pymysql://me:hidden@db:3306/dwh", "mysql+pymysql", "mysql+pymysql://me:***@db:3306/dwh"),
    ],
)
def test_any_database_is_taken_by_its_url(url: str, driver: str, shown: str) -> None:
    settings = SETTINGS["database"].read({"DATABASE_URL": url})
    made: Any = settings.block()
    assert (made.connection_info.driver, str(made.connection_info.create_url())) == (driver, shown)
    assert "hidden" not in repr(settings)
    assert "hidden" not in repr(made)
    assert all(secret in (url, "p@-hidden", "hidden") for secret in settings.secrets())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("dwh", "DATABASE_URL is not a URL of SQLAlchemy"),
        ("sqlite:///dwh.db", "DATABASE_URL names no file by its absolute path"),
        ("sqlite://", "DATABASE_URL names no file by its absolute path"),
        ("duckdb:///:memory:", "DATABASE_URL names no file by its absolute path"),
        *(
            (f"postgresql://me:{password}@db/dwh", "write @ as %40")
            for password in ("p@hidden", "p@x:hidden", "p@x/hidden", "p@1:hidden@2")
        ),
    ],
)
def test_a_url_that_leads_nowhere_is_refused(url: str, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        DatabaseUrlSettings.read({"DATABASE_URL": url})
    assert message in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_a_user_with_a_server_behind_it_is_no_password() -> None:
    made: Any = DatabaseUrlSettings.read({"DATABASE_URL": "postgresql://me@server:hidden@db/dwh"}).block()
    assert (made.connection_info.username, made.connection_info.host) == ("me@server", "db")


@pytest.mark.parametrize(
    ("name", "variables", "slug"),
    [
        ("database", DATABASE, "sqlalchemy-connector"),
        ("database", {"DATABASE_URL": "sqlite:////data/dwh.db"}, "sqlalchemy-connector"),
        ("staging", BUCKET | WORKSPACE, "s3-bucket"),
        ("staging", WORKSPACE | {"STAGING_VOLUME": "/Volumes/main/default/in/a"}, "unity-catalog-volume"),
        ("staging", WORKSPACE | {"STAGING_URL": "memory://shelf"}, "remote-file-system"),
    ],
)
def test_what_is_set_chooses_the_type_of_the_block(name: str, variables: dict[str, str], slug: str) -> None:
    assert SETTINGS[name].read(variables).block().get_block_type_slug() == slug


@pytest.mark.parametrize(
    ("name", "variables", "message"),
    [
        (
            "database",
            DATABASE | {"DATABASE_URL": "sqlite:////x"},
            "set one of PGHOST, DATABASE_URL, and",
        ),
        ("staging", BUCKET | {"STAGING_URL": "gs://x"}, "set one of STAGING_BUCKET, STAGING_URL, and not"),
        ("staging", {}, "not set: STAGING_BUCKET"),
        ("staging", {"STAGING_VOLUME": "/Volumes/main/in"} | WORKSPACE, "STAGING_VOLUME String should match"),
        ("staging", {"STAGING_VOLUME": "/Volumes/a/b/c"}, "not set: DATABRICKS_HOST"),
        ("staging", {"STAGING_URL": "intake"}, "STAGING_URL String should match"),
    ],
)
def test_a_type_that_is_not_clear_or_not_complete_is_told(
    name: str, variables: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        SETTINGS[name].read(variables)
    assert str(refused.value).startswith(message)
