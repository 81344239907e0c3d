"""What is streamed arrives whole or not at all, and a passing fault is outlived."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO, Any

import psycopg2
import pytest
import sqlalchemy.exc
from databricks.sdk import errors
from databricks_blocks.csv.faults import InputError
from databricks_blocks.database.connection import open_transaction
from databricks_blocks.database.tables import Column, Table
from databricks_blocks.loading import load_block
from databricks_blocks.staging.area import StagingArea, open_staging, staging_area
from databricks_flows.renewable.steps import STEP_OPTIONS
from prefect import flow, task

from .conftest import Stack

MEBIBYTE = 1024 * 1024


@pytest.fixture
def area(clean_stack: Stack) -> StagingArea:
    return open_staging("staging", "test-area")


def test_what_is_uploaded_in_parts_is_what_is_read(clean_stack: Stack, area: StagingArea) -> None:
    block = os.urandom(MEBIBYTE)

    def write(stream: IO[bytes]) -> int:
        return sum(stream.write(block) for _ in range(40))

    assert area.upload("folder/big.bin", write) == 40 * MEBIBYTE
    with area.open("folder/big.bin") as stream:
        assert all(stream.read(MEBIBYTE) == block for _ in range(40))
    assert area.uri("folder/big.bin") == f"s3://{clean_stack.endpoints.s3.bucket}/test-area/folder/big.bin"
    assert area.names("folder") == ["folder/big.bin"]
    assert area.delete() == 1


@pytest.mark.parametrize("mebibytes", [0, 40])
def test_an_upload_whose_source_fails_leaves_nothing(
    clean_stack: Stack, area: StagingArea, mebibytes: int
) -> None:
    def write(stream: IO[bytes]) -> int:
        for _ in range(mebibytes):
            stream.write(bytes(MEBIBYTE))
        raise psycopg2.OperationalError("server closed the connection unexpectedly")

    with pytest.raises(psycopg2.OperationalError, match="closed the connection"):
        area.upload("half.bin", write)
    assert clean_stack.objects() == []
    uploads = clean_stack.s3.list_multipart_uploads(Bucket=clean_stack.endpoints.s3.bucket)
    assert uploads.get("Uploads", []) == []


def test_an_upload_that_the_storage_refuses_fails(clean_stack: Stack) -> None:
    from prefect_aws.s3 import S3Bucket

    bucket = load_block(S3Bucket, "staging")
    missing = staging_area(bucket.model_copy(update={"bucket_name": "no-such-bucket-here!"}), "x")

    def write(stream: IO[bytes]) -> int:
        return sum(stream.write(bytes(MEBIBYTE)) for _ in range(40))

    with pytest.raises(Exception, match=r"(?i)bucket"):
        missing.upload("object", write)


def test_delete_also_ends_uploads_that_were_killed(clean_stack: Stack, area: StagingArea) -> None:
    bucket = clean_stack.endpoints.s3.bucket
    clean_stack.s3.create_multipart_upload(Bucket=bucket, Key="test-area/killed.bin")
    clean_stack.s3.put_object(Bucket=bucket, Key="test-area-of-another/kept", Body=b"")
    area.delete()
    assert clean_stack.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []
    assert clean_stack.objects() == ["test-area-of-another/kept"]
    clean_stack.s3.delete_object(Bucket=bucket, Key="test-area-of-another/kept")


class BrokenStream:
    """A file whose device fails after its first rows."""

    def __init__(self) -> None:
        self._chunks = [b"x\n", b"1\n" * 1000]

    def read(self, _size: int) -> bytes:
        if self._chunks:
            return self._chunks.pop(0)
        raise OSError(5, "Input/output error")


def test_a_load_that_breaks_off_leaves_no_rows(clean_stack: Stack) -> None:
    numbers = Table("numbers", {"x": Column("integer")})
    with open_transaction("database", "run_test") as transaction:
        transaction.begin_run()
        transaction.create(numbers)
    stream: Any = BrokenStream()
    with (
        pytest.raises(OSError, match="Input/output error"),
        open_transaction("database", "run_test") as transaction,
    ):
        transaction.load_csv(numbers, stream)
    assert clean_stack.query("SELECT count(*) FROM run_test.numbers") == [(0,)]
    with open_transaction("database", "run_test") as transaction:
        transaction.end_run()


@pytest.mark.usefixtures("stack")
def test_a_missing_block_is_named_with_what_to_do() -> None:
    with (
        pytest.raises(ValueError, match="no block `nowhere` of type `sqlalchemy-connector`; save one"),
        open_transaction("nowhere", "run_test"),
    ):
        pass


def failing_once(error: Exception) -> tuple[Callable[[], str], list[int]]:
    calls: list[int] = []

    def step() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise error
        return "done"

    return step, calls


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "error",
    [
        psycopg2.OperationalError("connection lost"),
        OSError(28, "No space left"),
        sqlalchemy.exc.OperationalError("INSERT", {}, Exception("database is locked")),
        errors.TemporarilyUnavailable("try again"),
    ],
)
def test_a_fault_that_passes_is_outlived(error: Exception) -> None:
    step, calls = failing_once(error)

    @flow
    def one_step() -> str:
        return task(step, name="step", **{**STEP_OPTIONS, "retry_delay_seconds": 0})()

    assert one_step() == "done"
    assert len(calls) == 2


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "error",
    [InputError("line 3"), FileNotFoundError("x.csv"), KeyError("bug"), errors.NotFound("no such volume")],
)
def test_a_fault_that_stays_is_told_at_once(error: Exception) -> None:
    step, calls = failing_once(error)

    @flow
    def one_step() -> str:
        return task(step, name="step", **STEP_OPTIONS)()

    with pytest.raises(type(error)):
        one_step()
    assert len(calls) == 1


def cut_connections(stack: Stack) -> None:
    stack.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


def test_a_connection_that_is_cut_is_opened_again(stack: Stack) -> None:
    calls: list[int] = []

    @task(**{**STEP_OPTIONS, "retry_delay_seconds": 0})
    def step() -> int:
        calls.append(1)
        with open_transaction("database", "run_test") as transaction:
            if len(calls) == 1:
                cut_connections(stack)
            transaction.end_run()
        return 42

    @flow
    def one_step() -> int:
        return step()

    assert one_step() == 42
    assert len(calls) == 2
