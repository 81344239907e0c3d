"""Tasks that check the data contract of the renewable analysis, show it, and stop the run if it is broken."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from databricks_blocks.database.tables import Table
from databricks_blocks.safe_text import markdown_rows, markdown_text
from prefect import task
from prefect.artifacts import create_table_artifact

from databricks_flows.renewable.data_contract import (
    Finding,
    StagedData,
    StagedShare,
    artifact_rows,
    breach,
    judge_result,
    judge_staged,
)
from databricks_flows.renewable.scope import RunScope
from databricks_flows.renewable.share_files import ShareFile
from databricks_flows.renewable.steps import KEY, RESULT, SUBSET_FOLDER, LoadedShare
from databricks_flows.shared.patience import patient
from databricks_flows.shared.retries import STEP_OPTIONS
from databricks_flows.shared.telling import tell


@task(name="check_staged", **STEP_OPTIONS)
@patient
def check_staged(
    scope: RunScope,
    files: Sequence[ShareFile],
    loaded: Sequence[LoadedShare],
    selected: Sequence[Table],
    staged_rows: Sequence[int],
    countries: Sequence[str] | None,
) -> StagedData:
    """Check that the staged files hold the rows of these countries, before a cluster starts.

    Args:
        scope: The tables and files of the run.
        files: The files that were loaded.
        loaded: The table of each file.
        selected: The table of its selected rows.
        staged_rows: The number of rows that were exported from it.
        countries: Names of the countries and regions. `None`: all.

    Returns:
        What was measured, and what the result has to be.

    Raises:
        DataContractBreach: Rows or values differ.
    """
    there = scope.staging.names(SUBSET_FOLDER)
    shares = []
    with scope.transaction() as transaction:
        for file, source, selection, rows in zip(files, loaded, selected, staged_rows, strict=True):
            table = transaction.profile(source.table, "Year", [file.share])
            shares.append(
                StagedShare(
                    file.share,
                    source.records,
                    table,
                    table
                    if countries is None
                    else transaction.profile(source.table, "Year", [file.share], "Entity", countries),
                    transaction.profile(selection, "Year", [file.share]),
                    transaction.count_keys([selection], KEY),
                    rows,
                    f"{SUBSET_FOLDER}/{file.table}.csv" in there,
                )
            )
        staged = judge_staged(shares, transaction.count_keys(selected, KEY))
    _show(staged.findings)
    return staged


@task(name="check_result", **STEP_OPTIONS)
@patient
def check_result(scope: RunScope, staged: StagedData, counted: int) -> None:
    """Check that the result has every key and value that was staged, before anything is published.

    Args:
        scope: The tables and files of the run.
        staged: What was staged.
        counted: The number of rows that the last notebook counted.

    Raises:
        DataContractBreach: Keys or values differ.
    """
    with scope.transaction() as transaction:
        result = transaction.profile(RESULT, "Year", list(staged.expected))
        keys = transaction.count_keys([RESULT], KEY)
    _show([*staged.findings, *judge_result(staged, counted, result, keys)])


def _show(findings: Sequence[Finding]) -> None:
    broken = breach(findings)
    show = partial(
        create_table_artifact,
        markdown_rows(artifact_rows(findings)),
        key="data-contract",
        description=f"**Broken:** {markdown_text(str(broken))}"
        if broken
        else "Data contract: what went in came out",
    )
    tell("the data contract", show)
    if broken:
        raise broken
