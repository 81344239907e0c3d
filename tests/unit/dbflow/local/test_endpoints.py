import pytest
from databricks_blocks.setup.register import SETTINGS
from dbflow.local import endpoints
from dbflow.local.endpoints import (
    PostgresEndpoint,
    PrefectEndpoint,
    S3Endpoint,
    StackEndpoints,
    WorkspaceEndpoint,
)


def stack(engine: str) -> StackEndpoints:
    return StackEndpoints(
        PostgresEndpoint("127.0.0.1", 1, "user", "database", "password"),
        S3Endpoint("http://127.0.0.1:2", "us-east-1", "bucket", "key", "secret"),
        WorkspaceEndpoint("127.0.0.1:3", "http://127.0.0.1:3", "token"),
        PrefectEndpoint("http://127.0.0.1:4/api", "http://127.0.0.1:4", "admin:password"),
        engine,
    )


@pytest.mark.parametrize(("sees", "folder"), [(True, "/Volumes/main/default/pipes"), (False, "")])
def test_notebooks_speak_where_they_see_volumes(
    monkeypatch: pytest.MonkeyPatch, sees: bool, folder: str
) -> None:
    monkeypatch.setattr(endpoints, "are_available", lambda: sees)
    block = SETTINGS["workspace"].read(stack("sail").variables()).block()
    assert block.pipes_folder == folder


def test_files_are_staged_where_the_engine_reads_them() -> None:
    sail, spark = stack("sail").variables(), stack("spark").variables()
    assert SETTINGS["staging"].read(sail).bucket == "bucket"
    assert SETTINGS["staging"].read(spark).path == "/Volumes/main/default/staging"
    assert sail.keys() ^ spark.keys() == {"STAGING_BUCKET", "STAGING_VOLUME"}
