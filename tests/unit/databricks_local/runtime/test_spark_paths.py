"""Paths on their way to Spark."""

import pytest
from databricks_local.runtime.spark_paths import path_rewriter, refusing_s3, rewrite_request, rewrite_sql
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


@pytest.mark.parametrize("path", ["s3://bucket/x", "s3a://bucket/x", "s3n://bucket/x"])
def test_s3_is_refused_where_the_server_cannot_read_it(path: str) -> None:
    refuse = refusing_s3(REWRITE)
    assert refuse("dbfs:/x") == REWRITE("dbfs:/x")
    with pytest.raises(ValueError, match=f"^{path}: Apache Spark cannot reach S3 here") as refused:
        rewrite_sql(f"SELECT * FROM parquet.`{path}`", refuse)
    assert "\n" not in str(refused.value)
    assert rewrite_sql(f"SELECT '{path}'", refuse) == f"SELECT '{path}'"
    assert rewrite_sql(f"SELECT * FROM csv.`{path}`", REWRITE) == f"SELECT * FROM csv.`{path}`"
