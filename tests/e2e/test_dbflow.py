"""The command, as a new user meets it: from nothing to a chart, killed, cancelled and fed rubbish."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
from databricks_flows.renewable.share_files import SHARES
from dbflow.local.stack import LocalStack

DBFLOW = [sys.executable, "-m", "dbflow"]


def dbflow(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DBFLOW, *arguments], cwd=directory, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working directory in which nothing has ever run."""
    path = tmp_path_factory.mktemp("mein Ordner é")
    yield path
    LocalStack(path / ".dbflow").stop()


@pytest.fixture(scope="module")
def first_run(directory: Path) -> subprocess.CompletedProcess[str]:
    return dbflow(directory, "run", "--keep")


def rows_kept(directory: Path) -> int:
    postgres = LocalStack(directory / ".dbflow").endpoints().postgres
    connection = psycopg2.connect(
        host=postgres.host,
        port=postgres.port,
        user=postgres.user,
        password=postgres.password,
        dbname=postgres.database,
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM renewable_share WHERE entity = 'Switzerland'")
            [(rows,)] = cursor.fetchall()
            return int(rows)
    finally:
        connection.close()


def test_a_first_run_ends_with_a_summary_and_no_wall_of_log(
    directory: Path, first_run: subprocess.CompletedProcess[str]
) -> None:
    assert first_run.returncode == 0, first_run.stderr
    text = first_run.stdout
    assert "Completed renewable_analysis" in text
    assert "1985  56.892 %" in text
    assert "2021  65.703 %" in text
    assert "output/shw.png" in text
    assert "output/shw.csv (37 rows)" in text
    assert "Prefect run" in text
    assert "/jobs/" in text
    assert "load_csv 3/3" in " ".join(text.split())
    assert len(text.splitlines()) < 40
    assert first_run.stderr == ""
    assert (directory / "output" / "shw.png").stat().st_size > 10_000
    assert len((directory / "output" / "shw.csv").read_text().splitlines()) == 38


@pytest.mark.usefixtures("first_run")
def test_status_tells_what_is_up_and_env_points_prefect_at_it(directory: Path) -> None:
    status = dbflow(directory, "status")
    assert status.returncode == 0
    assert status.stdout.count("healthy") == 4
    environment = dbflow(directory, "env").stdout
    shell = f"{environment}\n{sys.executable} -m prefect flow-run ls"
    wide = {**os.environ, "COLUMNS": "300"}
    listed = subprocess.run(
        ["bash", "-c", shell], cwd=directory, env=wide, capture_output=True, text=True, check=True
    )
    assert "COMPLETED" in listed.stdout
    assert "renewable" in listed.stdout


@pytest.mark.usefixtures("first_run")
def test_what_was_killed_is_replaced_and_nothing_is_lost(directory: Path) -> None:
    before = rows_kept(directory)
    for service in LocalStack(directory / ".dbflow").status():
        assert service.pid is not None
        psutil.Process(service.pid).kill()
    again = dbflow(directory, "run", "--country", "Peru", "--keep")
    assert again.returncode == 0, again.stderr
    assert rows_kept(directory) == before == 37


def test_a_run_that_is_killed_half_way_leaves_a_directory_that_works(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*DBFLOW, "run", "--all-countries", "--out", "killed"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as run:
        assert run.stdout is not None
        assert any(line.startswith("load_csv") for line in run.stdout)
        run.kill()
    assert not (tmp_path / "killed" / "shw.csv").exists()
    again = dbflow(tmp_path, "run", "--country", "Chile")
    assert again.returncode == 0, again.stderr
    assert dbflow(tmp_path, "status").stdout.count("stopped") == 4


def test_a_port_taken_by_someone_else_is_no_obstacle(directory: Path) -> None:
    import socket

    dbflow(directory, "down")
    ports = [
        int(port)
        for values in LocalStack(directory / ".dbflow")._store.load().ports.values()
        for port in values.values()
    ]
    taken = []
    for port in ports:
        blocker = socket.socket()
        blocker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        blocker.bind(("127.0.0.1", port))
        blocker.listen()
        taken.append(blocker)
    try:
        run = dbflow(directory, "run")
    finally:
        for blocker in taken:
            blocker.close()
    assert run.returncode == 0, run.stderr


def test_the_stack_is_stopped_by_who_started_it(directory: Path) -> None:
    dbflow(directory, "down")
    assert dbflow(directory, "run").returncode == 0
    status = dbflow(directory, "status")
    assert status.returncode == 1
    assert status.stdout.count("stopped") == 4
    assert dbflow(directory, "down").stdout == "Nothing was up.\n"
    assert [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(directory) in " ".join(process.info["cmdline"] or ())
    ] == []


HEADERS = {f"{share[:4]}.csv": f"Entity,Code,Year,{share}\n" for share in SHARES}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--country", "Swizerland"], "unknown country `Swizerland` (nearest: `Switzerland`"),
        (["--data", "nowhere"], "nowhere: no such folder"),
        (["--data", "empty"], "empty: holds no CSV file"),
        (
            ["--data", "no wind", "--all-countries"],
            "no wind: no CSV file has the column `Wind (% electricity)`",
        ),
        (["--data", "pipe"], "pipe/x.csv: a named pipe, not a regular file"),
        (["--data", "semicolons"], "sola.csv, line 1: the fields are separated by semicolons"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_starts(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    for folder in ("empty", "no wind", "pipe", "semicolons"):
        (tmp_path / folder).mkdir()
    os.mkfifo(tmp_path / "pipe" / "x.csv")
    for name, header in HEADERS.items():
        if not name.startswith("Wind"):
            (tmp_path / "no wind" / name).write_text(header)
    (tmp_path / "semicolons" / "sola.csv").write_text("Entity;Code;Year;Solar (% electricity)\n")
    refused = dbflow(tmp_path, "run", *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert refused.stderr.startswith("Error: ")
    assert refused.stderr.count("\n") == 1
    assert refused.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "no wind", "pipe", "semicolons"]


def test_rubbish_inside_a_file_is_refused_in_one_line_and_the_stack_stops(directory: Path) -> None:
    data = directory / "rubbish"
    data.mkdir()
    for name, header in HEADERS.items():
        (data / name).write_text(f"{header}Peru,PER,2000,1\nPeru,PER,2001,much\n")
    refused = dbflow(directory, "run", "--country", "Peru", "--data", "rubbish", "--out", "none")
    assert refused.returncode == 2
    assert refused.stderr.startswith("Error: ")
    assert ".csv, line 3, column `" in refused.stderr
    assert refused.stderr.endswith("`much` is not a number\n")
    assert refused.stderr.count("\n") == 1
    assert dbflow(directory, "status").stdout.count("stopped") == 4


def test_help_reads_well() -> None:
    text = dbflow(Path.cwd(), "--help").stdout
    for command in ("run", "up", "status", "down", "env", "workspace", "job", "plan"):
        assert f" {command} " in text
    assert "--all-countries" in dbflow(Path.cwd(), "run", "--help").stdout
