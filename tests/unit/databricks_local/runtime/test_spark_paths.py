"""Paths on their way to Spark."""

from pathlib import Path

import pytest
from databricks_local.runtime.spark_paths import (
    path_rewriter,
    refuse_missing,
    refusing_s3,
    rewrite_request,
    rewrite_sql,
    spark_rewriter,
)
from pyspark.errors import AnalysisException
from pyspark.sql.connect.proto import Plan, Read, Relation, WriteOperation

PLACES = {"/dbfs": "/srv/dbfs", "/Volumes": "/srv/volumes", "/Workspace": "/srv/files"}
ON_DISK, REWRITE = path_rewriter(PLACES), spark_rewriter(PLACES)


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
def test_paths_on_disk(path: str, rewritten: str) -> None:
    assert ON_DISK(path) == rewritten


@pytest.mark.parametrize(
    ("path", "rewritten"),
    [
        ("/tmp/x", "file:///srv/dbfs/tmp/x"),
        ("tmp/x", "file:///srv/dbfs/tmp/x"),
        ("dbfs:/tmp/x", "file:///srv/dbfs/tmp/x"),
        ("dbfs:tmp/x", "file:///srv/dbfs/tmp/x"),
        ("dbfs:///tmp/x y", "file:///srv/dbfs/tmp/x y"),
        ("dbfs:/Volumes/a/b/c", "file:///srv/volumes/a/b/c"),
        ("/Volumes/a/b/c/x.csv", "file:///srv/volumes/a/b/c/x.csv"),
        ("/Workspace/Shared/x.csv", "file:///srv/files/Shared/x.csv"),
        ("/dbfs/x", "file:///srv/dbfs/dbfs/x"),
        ("/x%y", "/srv/dbfs/x%y"),
        ("file:/tmp/x", "file:///tmp/x"),
        ("file:///tmp/x", "file:///tmp/x"),
        ("s3://bucket/dbfs:/x", "s3://bucket/dbfs:/x"),
        ("abfss://c@a.dfs/x", "abfss://c@a.dfs/x"),
    ],
)
def test_paths_for_spark(path: str, rewritten: str) -> None:
    """As on Databricks, a path without a scheme is one of DBFS; one that was rewritten stays as it is."""
    assert REWRITE(path) == rewritten
    assert REWRITE(rewritten) == rewritten


@pytest.mark.parametrize(
    ("statement", "rewritten"),
    [
        ("select * from delta.`dbfs:/x`", "select * from delta.`file:///srv/dbfs/x`"),
        ("select * from delta.`/x`", "select * from delta.`file:///srv/dbfs/x`"),
        ("COPY INTO t FROM 'dbfs:/x' FORMAT = A", "COPY INTO t FROM 'file:///srv/dbfs/x' FORMAT = A"),
        ("create table t location 'dbfs:/t'", "create table t location 'file:///srv/dbfs/t'"),
        ("create table t location '/t'", "create table t location 'file:///srv/dbfs/t'"),
        ("options (path '/Volumes/a/b/c')", "options (path 'file:///srv/volumes/a/b/c')"),
        ('options ("path" = "dbfs:/x")', 'options ("path" = "file:///srv/dbfs/x")'),
        ("select trim(both '/' from '/x/')", "select trim(both '/' from '/x/')"),
        ("select 'dbfs:/x'", "select 'dbfs:/x'"),
        ("insert overwrite directory '/x'", "insert overwrite directory 'file:///srv/dbfs/x'"),
        ("OPTIONS (sep '/', `path` '/x')", "OPTIONS (sep '/', `path` 'file:///srv/dbfs/x')"),
        (
            "/* '(' */ COPY INTO t FROM (SELECT trim(both '/' from '/x') FROM '/y')",
            "/* '(' */ COPY INTO t FROM (SELECT trim(both '/' from '/x') FROM 'file:///srv/dbfs/y')",
        ),
        ("select * from `delta`.`/x`", "select * from `delta`.`file:///srv/dbfs/x`"),
        ("select * from csv.`s3://b/x`, csv.`s3://b/y`", "select * from csv.`s3://b/x`, csv.`s3://b/y`"),
    ],
)  # fmt: skip
def test_statements(statement: str, rewritten: str) -> None:
    assert rewrite_sql(statement, REWRITE) == rewritten


@pytest.mark.parametrize(
    "statement",
    [
        "select * from logs where path = '/index.html'",
        "select * from logs where path='s3://bucket/x' and (path = '/y')",
        "select path '/x', location('/y'), options(path, '/z')",
        "update t set path = '/new'",
        "select 1 -- LOCATION '/x', parquet.`/x`",
        "select /* OPTIONS (path '/x') */ 1",
        "select 'LOCATION ''/x', \"it is delta.`/x`\"",
        "select t.`/index.html`, main.csv.`/x` from t",
        "create table t (location string comment '/x') tblproperties ('location' = '/x', path = '/y')",
        "create table t options (sep '/', quote = '/', fs.path '/x')",
        "select 'it\\'s', x from t where path = '/x'",
        "select `",
        "'/x'",
        ".`/x`",
        "`/x`",
        "(((",
        ")'/x'",
    ],
)
def test_texts_of_statements_stay_as_they_are(statement: str) -> None:
    """What is no path must not become one: no row would be found, and a wrong value be written."""
    assert rewrite_sql(statement, refusing_s3(REWRITE)) == statement


def test_requests() -> None:
    source = Read.DataSource(
        format="delta", paths=["dbfs:/a", "/b"], options={"path": "dbfs:/c", "sep": "dbfs:/"}
    )
    plan = Plan(root=Relation(read=Read(data_source=source)))
    rewrite_request(plan, REWRITE)
    found = plan.root.read.data_source
    assert list(found.paths) == ["file:///srv/dbfs/a", "file:///srv/dbfs/b"]
    assert dict(found.options) == {"path": "file:///srv/dbfs/c", "sep": "dbfs:/"}
    write = WriteOperation(path="dbfs:/a")
    rewrite_request(write, REWRITE)
    assert write.path == "file:///srv/dbfs/a"


@pytest.mark.parametrize("form", ["csv", "parquet", "JSON", "text"])
def test_a_source_that_is_not_there_is_refused(form: str) -> None:
    plan = Plan(root=Relation(read=Read(data_source=Read.DataSource(format=form, paths=["/no/such"]))))
    with pytest.raises(AnalysisException, match=r"^\[PATH_NOT_FOUND\] Path does not exist: dbfs:/no/such\. "):
        rewrite_request(plan, REWRITE)
    with pytest.raises(AnalysisException, match=r"^\[PATH_NOT_FOUND\] Path does not exist: dbfs:/no/such\. "):
        rewrite_sql(f"select * from {form}.`dbfs:/no/such`", REWRITE)


def test_a_very_deep_plan() -> None:
    relation = Relation(read=Read(data_source=Read.DataSource(format="delta", paths=["/a"])))
    for _ in range(3000):
        above = Relation()
        above.limit.limit = 1
        above.limit.input.CopyFrom(relation)
        relation = above
    rewrite_request(relation, REWRITE)
    while relation.WhichOneof("rel_type") == "limit":
        relation = relation.limit.input
    assert list(relation.read.data_source.paths) == ["file:///srv/dbfs/a"]


def test_patterns_and_other_storages_are_not_missing(tmp_path: Path) -> None:
    (tmp_path / "part=1").mkdir()
    for there in ("part=1", "part*", "{part=1,part=2}", "part=?"):
        refuse_missing(there, f"file://{tmp_path}/{there}")
    refuse_missing("s3://bucket/x", "s3://bucket/x")
    with pytest.raises(AnalysisException, match="does not exist: dbfs:/q"):
        refuse_missing("/q*", f"file://{tmp_path}/q*")


@pytest.mark.parametrize("path", ["s3://bucket/x", "s3a://bucket/x", "s3n://bucket/x"])
def test_s3_is_refused_where_the_server_cannot_read_it(path: str) -> None:
    refuse = refusing_s3(REWRITE)
    assert refuse("dbfs:/x") == REWRITE("dbfs:/x")
    with pytest.raises(ValueError, match=f"^{path}: Apache Spark cannot reach S3 here") as refused:
        rewrite_sql(f"SELECT * FROM parquet.`{path}`", refuse)
    assert "\n" not in str(refused.value)
    assert rewrite_sql(f"SELECT '{path}'", refuse) == f"SELECT '{path}'"
    assert rewrite_sql(f"SELECT * FROM csv.`{path}`", REWRITE) == f"SELECT * FROM csv.`{path}`"
