"""A file goes through database and storage unchanged, in flat memory: `LARGE_GIGABYTES=1` for a large one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO

import pytest
from databricks_blocks.staging.area import open_staging

from .conftest import Stack
from .flow_processes import ROOT, prefect_environment

BYTES = int(float(os.environ.get("LARGE_GIGABYTES", "0.05")) * 1e9)
SCHEMA, PREFIX = "test_large_file", "test-large-file"
STAGED = "country_subset/large.csv"
HEADER = "entity,code,year,day,share\n"
MOST_MEBIBYTES = 150
PIECE = 1024 * 1024


@pytest.fixture
def clean(stack: Stack) -> Iterator[Stack]:
    yield stack
    stack.query(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    open_staging("staging", PREFIX).delete()


def write(path: Path, size: int) -> int:
    """Write a file whose last line alone has what its column did not hold before; the number of rows."""
    dice = random.Random(size)
    rows = 0
    with path.open("w", encoding="utf-8") as stream:
        stream.write(HEADER)
        while stream.tell() < size:
            for _ in range(1000):
                number = dice.randrange(10**15)
                stream.write(f"Côte {number % 977},,{number % 2027},2026-11-{number % 30 + 1:02},{number}\n")
            rows += 1000
        stream.write('"Åland, ""late""",ALA,2026,2026-11-21,0.10000000000000000555\n')
    return rows + 1


def load_and_export(path: Path) -> int:
    command = [sys.executable, "-m", "tests.e2e.load_and_export", str(path), SCHEMA, PREFIX]
    output = subprocess.run(
        command, cwd=ROOT, env=prefect_environment(), check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return int(output.splitlines()[-1])


def digest(stream: IO[bytes]) -> str:
    found = sha256()
    while piece := stream.read(PIECE):
        found.update(piece)
    return found.hexdigest()


def test_no_value_changes_and_memory_stays_flat(clean: Stack, tmp_path: Path) -> None:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    write(small, 10_000)
    rows = write(large, BYTES)
    added = load_and_export(large) - load_and_export(small)
    assert clean.query(f"SELECT count(*) FROM {SCHEMA}.large") == [(rows,)]
    with large.open("rb") as before, open_staging("staging", PREFIX).open(STAGED) as after:
        assert digest(after) == digest(before)
    assert added <= MOST_MEBIBYTES
