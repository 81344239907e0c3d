"""A storage that is busy, slow or breaks off costs a retry, and never a row or a half-made object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from databricks_blocks.database.tables import Column, Table
from databricks_blocks.loading import load_block
from databricks_blocks.staging.area import open_staging
from databricks_blocks.staging.refusals import StorageRefused
from databricks_flows.renewable.scope import RunScope
from databricks_flows.renewable.steps import (
    RESULT,
    STEP_OPTIONS,
    export_table,
    list_result_files,
    load_result,
)
from databricks_flows.shared.batches import Batch
from databricks_flows.shared.patience import ServiceUnreachable, having_patience
from prefect import flow
from prefect_aws.s3 import S3Bucket

from .conftest import Stack
from .faulty_storage import (
    FaultyStorage,
    Misbehave,
    broken,
    cut,
    denied,
    faulty_storage,
    late,
    reset,
    slow_down,
)

ROWS = 160_000
BIG = Table("big", {"Entity": Column("text"), "Year": Column("integer")})
PART = Batch("part.csv", ("part.csv",))
SCOPE = RunScope("database", "run_faults", "faulty-staging", "faults")
AT_ONCE: dict[str, Any] = {"retry_delay_seconds": 0, "retry_condition_fn": STEP_OPTIONS["retry_condition_fn"]}


@pytest.fixture(scope="module")
def storage(stack: Stack) -> Iterator[FaultyStorage]:
    """The storage behind the block `faulty-staging`; a request is made twice, and waited for a second."""
    with faulty_storage(stack.endpoints.s3.endpoint_url) as storage:
        bucket = load_block(S3Bucket, "staging").model_copy(deep=True)
        parameters: Any = bucket.credentials.aws_client_parameters  # type: ignore[union-attr]
        parameters.endpoint_url = storage.url
        parameters.config = {"read_timeout": 1, "retries": {"max_attempts": 1}}
        bucket._block_document_id = bucket._block_document_name = None
        bucket.save("faulty-staging", overwrite=True, _sync=True)  # type: ignore[call-arg]
        yield storage


@pytest.fixture
def table(clean_stack: Stack, storage: FaultyStorage) -> Iterator[FaultyStorage]:
    """A table that is exported in three parts, and cleaned away."""
    clean_stack.query("CREATE SCHEMA run_faults")
    clean_stack.query(
        'CREATE TABLE run_faults.big AS SELECT repeat(n::text, 20) AS "Entity", n AS "Year"'
        f" FROM generate_series(1, {ROWS}) AS n"
    )
    storage.faults.clear()
    yield storage
    storage.faults.clear()
    clean_stack.query("DROP SCHEMA run_faults CASCADE")
    open_staging("staging", "faults").delete()


def export() -> int:
    @flow
    def export_once() -> int:
        return export_table.with_options(**AT_ONCE)(BIG, "big", SCOPE)

    return export_once()


def staged_rows() -> int:
    """How many different rows are staged, each as it was."""
    with open_staging("staging", "faults").open("country_subset/big.csv") as stream:
        header, *rows = stream.read().decode().splitlines()
    assert header == "Entity,Year"
    assert len(rows) == len(set(rows))
    assert all(entity == year * 20 for entity, year in (row.split(",") for row in rows))
    return len(rows)


def incomplete_uploads(stack: Stack) -> list[Any]:
    answer = stack.s3.list_multipart_uploads(Bucket=stack.endpoints.s3.bucket)
    return list(answer.get("Uploads", []))


FAULTS: dict[str, tuple[str, str, Misbehave, int]] = {
    "SlowDown at the begin": ("POST", "?uploads", slow_down, 1),
    "SlowDown for a part": ("PUT", "partNumber=2", slow_down, 1),
    "a reset in a part": ("PUT", "partNumber=2", reset, 1),
    "a slow answer": ("PUT", "partNumber=3", late(2), 1),
    "SlowDown at the end": ("POST", "uploadId=", slow_down, 1),
    "a part that fails until the task is tried again": ("PUT", "partNumber=2", broken, 2),
    "resets until the task is tried again": ("PUT", "partNumber=1", reset, 2),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_export_outlives_what_passes(
    clean_stack: Stack, table: FaultyStorage, fault: tuple[str, str, Misbehave, int]
) -> None:
    injected = table.add(*fault)
    assert export() == ROWS
    assert injected.applied == injected.times
    assert staged_rows() == ROWS
    assert incomplete_uploads(clean_stack) == []


def test_a_part_that_always_fails_is_told_and_leaves_nothing(
    clean_stack: Stack, table: FaultyStorage
) -> None:
    table.add("PUT", "partNumber=2", broken, times=100)
    with pytest.raises(ServiceUnreachable, match=r"InternalError.*UploadPart"), having_patience(1):
        export()
    assert clean_stack.objects() == []
    assert incomplete_uploads(clean_stack) == []


def test_a_right_that_is_missing_is_named_and_nothing_is_tried_again(table: FaultyStorage) -> None:
    injected = table.add("PUT", "partNumber=2", denied, times=100)
    with pytest.raises(StorageRefused, match=r"big\.csv: access denied; .* the right s3:PutObject"):
        export()
    assert injected.applied == 1


READS: dict[str, Misbehave] = {"SlowDown": slow_down, "a body that is cut": cut, "a slow answer": late(2)}


@pytest.mark.parametrize("fault", READS.values(), ids=READS)
def test_a_part_file_is_loaded_once_whatever_happens_to_its_first_reading(
    clean_stack: Stack, table: FaultyStorage, fault: Callable[..., None]
) -> None:
    lines = [f"Land {number},,2000,1,2,3,6" for number in range(20_000)]
    content = "\n".join([",".join(RESULT.columns), *lines]).encode()
    open_staging("staging", "faults").upload("part.csv", lambda stream: stream.write(content))
    list_result_files.fn(SCOPE, "")

    @flow
    def load_once() -> int:
        return load_result.with_options(**AT_ONCE)(PART, SCOPE)

    injected = table.add("GET", "part.csv", fault)
    assert load_once() == 20_000
    assert injected.applied == 1
    assert clean_stack.query("SELECT count(*) FROM run_faults.transformed") == [(20_000,)]
