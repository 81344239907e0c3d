"""The code and the commands of the READMEs run as they are written."""

from __future__ import annotations

import ast
import asyncio
import re
import shlex
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest
import typer.main
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks_blocks import DatabricksJob, DatabricksWorkspace
from databricks_flows import notebook_task
from databricks_flows.green_energy.place import SCHEMA
from dbflow.cli import app

from .conftest import Stack
from .green_lab import remove
from .hearing import make_volume, speaking

ROOT = Path(__file__).parents[2]
READMES = [ROOT / "README.md", *(ROOT / f"{name}/README.md" for name in ("flows", "blocks", "deployments"))]
NOTEBOOK: Any = {"format": ImportFormat.SOURCE, "language": Language.PYTHON, "overwrite": True}


def blocks_of(readme: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)


def execute(readme: Path, part: str) -> dict[str, Any]:
    """Run the one Python example of a README that holds a text; its names afterwards."""
    (code,) = [block for block in blocks_of(readme, "python") if part in block]
    namespace: dict[str, Any] = {"__name__": "readme", "__file__": str(readme)}
    exec(compile(code, str(readme), "exec"), namespace)
    return namespace


@pytest.fixture
def notebooks(stack: Stack) -> None:
    """The notebooks that the examples name."""
    for name, body in (("load", "pass"), ("train", "dbutils.notebook.exit(dbutils.widgets.get('day'))")):
        stack.databricks().workspace.upload(
            f"/Shared/{name}",
            f"# Databricks notebook source\n{body}\n".encode(),
            format=ImportFormat.SOURCE,
            language=Language.PYTHON,
            overwrite=True,
        )


@pytest.mark.usefixtures("notebooks")
def test_the_example_of_a_job() -> None:
    names = execute(ROOT / "README.md", "nightly_sales")
    assert asyncio.run(names["nightly_sales"]("2026-11-20")) == "2026-11-20"


@pytest.mark.usefixtures("notebooks")
def test_a_flow_with_hooks_and_the_name_of_a_block() -> None:
    job = DatabricksJob(
        name="sales",
        workspace=DatabricksWorkspace.load("workspace"),
        tasks=[notebook_task("load", "/Shared/load", new_cluster={"num_workers": 1})],
    )
    job.save("block-name", overwrite=True)
    readme = ROOT / "flows/README.md"
    (code,) = [block for block in blocks_of(readme, "python") if "on_cancellation" in block]
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(code.replace("BLOCK_NAME", "block-name"), str(readme), "exec"), names)
    assert "/jobs/" in names["sales"]()


@pytest.mark.usefixtures("notebooks")
def test_pipes_of_a_job(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    make_volume(stack, "ops")
    told = "pipes.report_asset_materialization({'rows': 3}, asset_key='main/daily')"
    stack.databricks().workspace.upload(
        "/Shared/load", f"# Databricks notebook source\n{speaking(told)}\n".encode(), **NOTEBOOK
    )
    task = notebook_task("load", "/Shared/load", new_cluster={"num_workers": 1})
    workspace = DatabricksWorkspace.load("workspace")
    DatabricksJob(name="told", workspace=workspace, tasks=[task]).save("told", overwrite=True)
    readme = ROOT / "flows/README.md"
    (code,) = [
        block for block in blocks_of(readme, "python") if "on_message" not in block and "extras" in block
    ]
    exec(compile(code.replace("BLOCK_NAME", "told"), str(readme), "exec"), {"__name__": "readme"})
    assert "main/daily {'rows': 3}" in capsys.readouterr().out


@pytest.mark.usefixtures("notebooks")
def test_pipes_of_code_that_is_launched_in_another_way(stack: Stack) -> None:
    make_volume(stack, "ops")
    names = execute(ROOT / "flows/README.md", "open_pipes")
    assert asyncio.run(names["load"](stack.databricks())) == 0


def test_the_analysis_in_python(clean_stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    execute(ROOT / "flows/README.md", "renewable_analysis")
    assert (tmp_path / "output/shw.png").stat().st_size > 10_000


def test_csv_files_in_python(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/2026-01.csv").write_text("day,value\n2026-01-01,1\n", encoding="utf-8")
    execute(ROOT / "flows/README.md", "load_csv_files")
    assert stack.query('SELECT value FROM measurements."2026_01"') == [(1,)]
    stack.query("DROP SCHEMA measurements CASCADE")


def test_green_energy_in_python(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        execute(ROOT / "flows/README.md", "load_green_energy")
    finally:
        remove(stack, SCHEMA)
    found = ast.literal_eval(capsys.readouterr().out.splitlines()[-1])
    assert found == pytest.approx({"with": 0.03156, "without": -0.00261}, abs=1e-5)
    assert (tmp_path / "output/green_energy.png").stat().st_size > 10_000


@pytest.mark.usefixtures("notebooks")
def test_a_run_without_a_flow(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    execute(ROOT / "blocks/README.md", "job.trigger()")
    assert "SUCCESS" in capsys.readouterr().out


def test_a_flow_that_runs_sql(stack: Stack) -> None:
    names = execute(ROOT / "flows/README.md", "databricks_sql")
    assert names["daily"](date(2026, 11, 27)) == [{"day": date(2026, 11, 27), "n": 100}]


@pytest.mark.usefixtures("objects_as_before")
def test_a_flow_that_loads_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("north", "south"):
        (tmp_path / f"data/{name}-1.csv").write_text("day,output\n2026-11-27,1.5\n2026-11-28,2\n")
    names = execute(ROOT / "flows/README.md", "copy_into")
    assert names["load_plants"]() == 4


def test_a_statement_without_a_flow(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    execute(ROOT / "blocks/README.md", "SqlWarehouse")
    assert "{'id': 2, 'times': 4}" in capsys.readouterr().out


def test_each_python_example_is_run_by_a_test_above() -> None:
    counted = {readme.relative_to(ROOT).as_posix(): len(blocks_of(readme, "python")) for readme in READMES}
    assert counted == {
        "README.md": 1,
        "flows/README.md": 8,
        "blocks/README.md": 2,
        "deployments/README.md": 0,
    }


def dbflow_commands() -> list[str]:
    """The lines of the READMEs that call `dbflow`, without comments."""
    lines = [
        line.partition("  #")[0].strip()
        for readme in READMES
        for block in blocks_of(readme, "bash")
        for line in block.splitlines()
    ]
    found = [re.sub(r'^(eval "\$\()?(.*&& )?(uv run )?', "", line).rstrip(')"') for line in lines]
    return sorted({line for line in found if line.startswith("dbflow ") and "--help" not in line})


@pytest.mark.parametrize("command", dbflow_commands())
def test_a_command_has_the_options_that_the_readme_gives_it(command: str) -> None:
    """The command line is read to its end; what the commands then do is tested elsewhere."""
    group = typer.main.get_command(app)
    arguments = shlex.split(command)[1:]
    context = click.Context(group, info_name="dbflow")
    while isinstance(group, click.Group):
        name, group, arguments = group.resolve_command(context, arguments)
        context = click.Context(group, info_name=name, parent=context)
    group.make_context(context.info_name, list(arguments), parent=context.parent)
