"""The notebooks write the same rows on Apache Spark as on Sail: `uv run pytest -m apache_spark`.

Apache Spark has an environment of its own, made by the first run: `pyspark` and `pyspark-client` install the
same package. It needs Java 17 or newer (`.ci/install-java`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from .notebook_results import (
    CASES,
    REPOSITORY,
    SHARES,
    Ended,
    Engine,
    engine,
    expected_rows,
    read_rows,
    sail_engine,
    write_case,
    write_share,
)

pytestmark = pytest.mark.apache_spark

REQUIREMENT = "pyspark[connect]>=4,<5"
CACHE = REPOSITORY / ".venv-apache-spark"
OLDEST_JAVA = 17


@pytest.fixture(scope="session")
def java() -> None:
    """Java where pyspark looks for it; without one it would say nothing that helps."""
    home = os.environ.get("JAVA_HOME")
    command = str(Path(home, "bin", "java")) if home else "java"
    try:
        answer = subprocess.run([command, "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        answer = ""
    found = re.search(r'version "(\d+)', answer)
    if found is None or int(found[1]) < OLDEST_JAVA:
        what = f"is Java {found[1]}" if found else "is none"
        pytest.fail(
            f"Apache Spark needs Java {OLDEST_JAVA} or newer, and `{command}` {what}: run .ci/install-java",
            pytrace=False,
        )


@pytest.fixture(scope="session")
def apache_python(java: None) -> str:
    """Python of the environment that holds Apache Spark; it is made where it is not, or not completely."""
    CACHE.mkdir(exist_ok=True)
    wanted = f"{REQUIREMENT}, Python {sys.version}\n"
    complete, environment = CACHE / "complete", CACHE / "environment"
    python = str(environment / "bin" / "python")
    with FileLock(CACHE / "lock"):
        if not complete.exists() or complete.read_text(encoding="utf-8") != wanted:
            complete.unlink(missing_ok=True)
            shutil.rmtree(environment, ignore_errors=True)
            uv("venv", "--python", sys.executable, str(environment))
            uv("pip", "install", "--python", python, REQUIREMENT)
            complete.write_text(wanted, encoding="utf-8")
    return python


def uv(*arguments: str) -> None:
    command = os.environ.get("UV") or shutil.which("uv")
    if command is None:
        pytest.fail("`uv` makes the environment of Apache Spark, and is not on the PATH", pytrace=False)
    ended = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.fail(f"uv {' '.join(arguments)} failed:\n{ended.stderr}", pytrace=False)


@pytest.fixture(scope="module", params=["classic", "connect"])
def apache(
    request: pytest.FixtureRequest, apache_python: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp(request.param)
    environment = {"SPARK_LOCAL_IP": "127.0.0.1"}
    with engine(request.param, folder, apache_python, environment) as started:
        yield started


@pytest.fixture(scope="module")
def sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with sail_engine(tmp_path_factory.mktemp("sail")) as started:
        yield started


@pytest.mark.parametrize("case", ["packaged", *CASES])
def test_rows_are_those_of_sail_and_of_pandas(
    apache: Engine, sail: Engine, tmp_path: Path, case: str
) -> None:
    source = tmp_path / "source"
    tables = write_case(case, source)
    rows = apache.analyse(source, tables, tmp_path / "apache")
    assert rows == sail.analyse(source, tables, tmp_path / "sail")
    assert rows == expected_rows(source, tables)


def test_a_second_run_replaces_what_the_first_one_wrote(apache: Engine, tmp_path: Path) -> None:
    packaged = write_case("packaged", tmp_path / "many")
    few = write_case("codes that are empty or differ", tmp_path / "few")
    assert len(apache.analyse(tmp_path / "many", packaged, tmp_path)) == 6380
    assert len(apache.analyse(tmp_path / "few", few, tmp_path)) == 3


def test_two_tables_join_and_the_missing_share_is_named(apache: Engine, tmp_path: Path) -> None:
    solar, hydro, wind = SHARES
    write_share(tmp_path / "solar.csv", solar, [("Peru", "PER", 2000, 1), ("Chile", "CHL", 2000, 1)])
    write_share(tmp_path / "hydro.csv", hydro, [("Peru", "PER", 2000, 1), ("Peru", "PER", 2001, 1)])
    assert apache.join(tmp_path, ["solar", "hydro"], tmp_path / "joined") == Ended("3", "")
    ended = apache.transform(tmp_path / "joined", tmp_path / "transformed")
    assert ended.exit_value is None
    assert wind in ended.error
    assert read_rows(tmp_path / "transformed") == []


def test_a_missing_source_is_named(apache: Engine, tmp_path: Path) -> None:
    joined = apache.join(tmp_path, ["nowhere"], tmp_path / "joined")
    transformed = apache.transform(tmp_path / "joined", tmp_path / "transformed")
    assert [joined.exit_value, transformed.exit_value] == [None, None]
    assert f"{tmp_path}/nowhere.csv" in joined.error
    assert f"{tmp_path}/joined" in transformed.error
