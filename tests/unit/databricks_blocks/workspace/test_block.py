"""The workspace block keeps to what Prefect and Databricks expect of it."""

from __future__ import annotations

import pytest
from databricks_blocks.workspace.block import DatabricksWorkspace, workspace_client
from prefect_databricks import DatabricksCredentials


def test_every_field_is_described_for_the_form() -> None:
    fields = DatabricksWorkspace.model_fields
    assert all(field.description and field.description.endswith(".") for field in fields.values())
    assert DatabricksWorkspace.get_block_type_slug() == "databricks-workspace"
    assert 'DatabricksWorkspace.load("BLOCK_NAME")' in DatabricksWorkspace.get_code_example()
    assert DatabricksWorkspace.get_description()


@pytest.mark.parametrize(
    ("pasted", "host"),
    [
        ("dbc.cloud.databricks.com", "https://dbc.cloud.databricks.com"),
        ("https://dbc.cloud.databricks.com/", "https://dbc.cloud.databricks.com"),
        (" https://adb-1.2.azuredatabricks.net/?o=1#job/2", "https://adb-1.2.azuredatabricks.net"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_a_pasted_url_is_taken_apart(pasted: str, host: str) -> None:
    workspace = DatabricksWorkspace(databricks_instance=pasted, token="t")
    assert workspace.host == host
    assert str(workspace.get_client().base_url) == f"{host}/api/"


def test_another_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="scheme"):
        DatabricksWorkspace(databricks_instance="ftp://dbc.example", token="t")


@pytest.mark.parametrize(
    "folder", ["", "/Volumes/main/ops/pipes", "/Volumes/main/ops/pipes/a", "dbfs:/pipes"]
)
def test_a_folder_for_messages_is_of_a_volume_or_on_dbfs(folder: str) -> None:
    assert DatabricksWorkspace(databricks_instance="dbc.example", token="t", pipes_folder=folder)


@pytest.mark.parametrize(
    "folder", ["/tmp/pipes", "/Volumes/main/ops", "s3://bucket/pipes", "dbfs:/Volumes/a"]
)
def test_another_folder_for_messages_is_refused(folder: str) -> None:
    with pytest.raises(ValueError, match="a folder for messages is /Volumes/CATALOG/SCHEMA/VOLUME/FOLDER"):
        DatabricksWorkspace(databricks_instance="dbc.example", token="t", pipes_folder=folder)


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """SDK clients ask the host for its metadata when they are made; here nobody answers."""
    from databricks.sdk.config import Config

    monkeypatch.setattr(Config, "_resolve_host_metadata", lambda self: None)


@pytest.mark.usefixtures("unreachable")
def test_the_client_uses_the_block_and_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "https://elsewhere.example")
    monkeypatch.setenv("DATABRICKS_TOKEN", "other")
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", "id")
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", "secret")
    config = DatabricksWorkspace(databricks_instance="dbc.example", token="mine").workspace_client().config
    assert (config.host, config.auth_type, config.token) == ("https://dbc.example", "pat", "mine")


@pytest.mark.usefixtures("unreachable")
def test_the_stock_credentials_block_is_accepted() -> None:
    stock = DatabricksCredentials(databricks_instance="dbc.example", token="mine")
    assert workspace_client(stock).config.host == "https://dbc.example"


@pytest.mark.parametrize("secret_of", [repr, str, lambda block: str(block.model_dump())])
def test_the_token_is_not_shown(secret_of: object) -> None:
    workspace = DatabricksWorkspace(databricks_instance="dbc.example", token="dapi-secret")
    assert callable(secret_of)
    assert "dapi-secret" not in secret_of(workspace)
