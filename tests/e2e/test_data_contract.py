"""A run whose data is not what it was stops: before a cluster starts, and before anything is published."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks_flows.renewable.data_contract import DataContractBreach
from databricks_flows.renewable.share_files import DATA_DIRECTORY, SHARES, find_share_files
from databricks_flows.shared.progress import Progress, listening
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort

from .conftest import ImportNotebook, Stack, analyse
from .notebook_results import NOTEBOOKS

_, HYDRO, _ = SHARES
TABLES = {file.share: file.table for file in find_share_files(DATA_DIRECTORY)}


def latest_contract() -> tuple[str, list[dict[str, str]]]:
    """Description and rows of the artifact that was written last."""
    with get_client(sync_client=True) as client:
        [artifact, *_] = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["data-contract"])),
            sort=ArtifactSort.CREATED_DESC,
        )
    return artifact.description or "", json.loads(str(artifact.data))


def run_of_test(stack: Stack) -> str:
    """Schema of the run that goes on."""
    [(schema,)] = stack.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'run\\_%%'")
    return str(schema)


def runs_of_workspace(stack: Stack) -> int:
    return len(list(stack.databricks().jobs.list_runs()))


def analyse_disturbed(output: Path, step: str, disturb: Callable[[], Any]) -> None:
    """Run the analysis, and do something to its data when a step begins."""
    done: list[str] = []

    def on_progress(progress: Progress) -> None:
        if progress.step == step and not done:
            done.append(step)
            disturb()

    with listening(on_progress):
        analyse(output, countries=["Peru", "Chile"])


def test_the_page_of_a_run_shows_what_was_found_after_each_step(clean_stack: Stack, tmp_path: Path) -> None:
    analyse(tmp_path, countries=["Peru", "Chile"])
    description, rows = latest_contract()
    assert description == "Data contract: what went in came out"
    assert {row["contract"] for row in rows} == {"kept"}
    assert len(rows) == 3 * 3 + 1 + 3
    [(in_table,)] = clean_stack.query(
        "SELECT count(*) FROM renewable_share WHERE entity IN ('Peru', 'Chile')"
    )
    assert {row["rows"] for row in rows if row["after"] == "load_result"} == {str(in_table)}


def test_rows_that_are_lost_stop_the_run_before_a_cluster_starts(clean_stack: Stack, tmp_path: Path) -> None:
    before = runs_of_workspace(clean_stack)

    def lose_a_row() -> None:
        table = f"{run_of_test(clean_stack)}.selected_{TABLES[HYDRO]}"
        clean_stack.query(f'DELETE FROM {table} WHERE "Entity" = \'Peru\' AND "Year" = 1990')

    with pytest.raises(
        DataContractBreach, match=r"^After select_countries, Hydro .*: \d+ rows instead of \d+"
    ):
        analyse_disturbed(tmp_path, "export_table", lose_a_row)
    assert runs_of_workspace(clean_stack) == before
    assert latest_contract()[0].startswith("**Broken:** After select_countries")
    assert list(tmp_path.iterdir()) == []


def published(stack: Stack) -> int:
    """Rows of the table that stays."""
    if stack.query("SELECT to_regclass('renewable_share')") == [(None,)]:
        return 0
    [(rows,)] = stack.query("SELECT count(*) FROM renewable_share")
    return int(rows)


def test_a_result_that_lacks_keys_is_not_published(
    clean_stack: Stack, notebook: ImportNotebook, tmp_path: Path
) -> None:
    before = published(clean_stack)
    for name in ("join_data", "transform_data"):
        source = (NOTEBOOKS / f"{name}.py").read_text()
        read = "joined = spark.read.parquet(source)"
        folder = notebook(name, source.replace(read, f"{read}.where('Year <> 2000')")).removesuffix(
            f"/{name}"
        )
    with pytest.raises(DataContractBreach, match=r"^After run_databricks_job, all: \d+ rows instead of \d+"):
        analyse(tmp_path, countries=["Iceland"], notebook_directory=folder)
    assert published(clean_stack) == before
    assert clean_stack.remove_kept()["usable"] is False, "a retry makes a new result"
    assert list(tmp_path.iterdir()) == []
