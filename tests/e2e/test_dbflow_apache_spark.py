"""The command with Apache Spark in place of Sail: `uv run pytest -m apache_spark`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dbflow.local.stack import LocalStack

from .test_dbflow import dbflow

pytestmark = pytest.mark.apache_spark


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    LocalStack(tmp_path / ".dbflow").stop()


def test_the_analysis_gives_the_same_and_the_stack_keeps_its_engine(directory: Path) -> None:
    ran = dbflow(directory, "run", "--engine", "spark", "--keep")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for line in ("1985  56.892 %", "2021  65.703 %", "output/shw.csv (37 rows)"):
        assert line in ran.stdout
    refused = dbflow(directory, "up", "--engine", "sail", "--detach")
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        "Error: the local stack is up with the engine spark: end it with `dbflow down`, "
        "then start it with --engine sail"
    ]
    assert dbflow(directory, "up", "--detach").returncode == 0
    assert "STAGING_VOLUME=/Volumes/main/default/staging" in dbflow(directory, "env").stdout
