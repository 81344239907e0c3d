"""Paths on their way to Spark."""

import pytest
from databricks_local.runtime.spark_paths import path_rewriter, rewrite_request, rewrite_sql
from pyspark.sql.connect.proto import Plan, Read, Relation, WriteOperation

REWRITE = path_rewriter({"/dbfs": "/srv/dbfs", "/Volumes": "/srv/volumes", "/Workspace": "/srv/files"})


@pytest.mark.parametrize(
    ("path", "rewritten"),
    [
        ("dbfs:/tmp/x", "/srv/dbfs/tmp/x"),
        ("dbfs:///tmp/x", "/srv/dbfs/tmp/x"),
        ("dbfs:/Volumes/a/b/c", "/srv/volumes/a/b/c"),
        ("/Volumes/a/b/c/x.csv", "/srv/volumes/a/b/c/x.csv"),
        ("/Workspace/Shared/x.csv", "/srv/files/Shared/x.csv"),
        ("file:/tmp/x", "file:///tmp/x"),
        ("file:///tmp/x", "file:///tmp/x"),
        ("s3://bucket/dbfs:/x", "s3://bucket/dbfs:/x"),
        ("/tmp/x", "/tmp/x"),
        ("/VolumesX/x", "/VolumesX/x"),
    ],
)
def test_paths(path: str, rewritten: str) -> None:
    assert REWRITE(path) == rewritten


@pytest.mark.parametrize(
    ("statement", "rewritten"),
    [
        ("select * from csv.`dbfs:/x`", "select * from csv.`/srv/dbfs/x`"),
        ("COPY INTO t FROM 'dbfs:/x' FILEFORMAT = CSV", "COPY INTO t FROM '/srv/dbfs/x' FILEFORMAT = CSV"),
        ("create table t location 'dbfs:/t'", "create table t location '/srv/dbfs/t'"),
        ("options (path '/Volumes/a/b/c')", "options (path '/srv/volumes/a/b/c')"),
        ('options ("path" = "dbfs:/x")', 'options ("path" = "/srv/dbfs/x")'),
        ("select 'dbfs:/x'", "select 'dbfs:/x'"),
        ("select * from t where x = '/Volumes/x'", "select * from t where x = '/Volumes/x'"),
    ],
)  # fmt: skip
def test_statements(statement: str, rewritten: str) -> None:
    assert rewrite_sql(statement, REWRITE) == rewritten


def test_requests() -> None:
    source = Read.DataSource(
        format="csv", paths=["dbfs:/a", "/b"], options={"path": "dbfs:/c", "sep": "dbfs:/"}
    )
    plan = Plan(root=Relation(read=Read(data_source=source)))
    rewrite_request(plan, REWRITE)
    found = plan.root.read.data_source
    assert list(found.paths) == ["/srv/dbfs/a", "/b"]
    assert dict(found.options) == {"path": "/srv/dbfs/c", "sep": "dbfs:/"}
    write = WriteOperation(path="dbfs:/a")
    rewrite_request(write, REWRITE)
    assert write.path == "/srv/dbfs/a"
