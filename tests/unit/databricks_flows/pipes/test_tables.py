"""What people see of assets and checks in tables: texts as they are, links as links."""

from __future__ import annotations

from databricks_blocks.pipes.metadata import Metadata
from databricks_blocks.pipes.pipes import AssetResult, CheckResult
from databricks_flows.pipes.job_pipes import failed_checks
from databricks_flows.pipes.tables import asset_row, check_row, tables_in


def test_the_row_of_an_asset() -> None:
    metadata = {"rows": Metadata(3), "a|b": Metadata("<b>"), "page": Metadata("https://x.y/z", "url")}
    row = asset_row(AssetResult("main/sales", "load", 2, "v1", "2026-11-27", metadata))
    assert row == {
        "asset": "main/sales",
        "task": "load",
        "attempt": 2,
        "partition": "2026-11-27",
        "version": "v1",
        "metadata": r"rows: 3, a\|b: \<b\>, page: [https\://x.y/z](https://x.y/z)",
    }


def test_the_row_of_a_check() -> None:
    row = check_row(CheckResult("main/sales", "no_nulls", False, "load", severity="WARN"))
    assert (row["check"], row["passed"], row["severity"]) == (r"no_nulls", "**no**", "WARN")


def test_tables_are_artifacts_of_their_own() -> None:
    table = Metadata({"records": [{"day": "a|b", "n": {"x": 1}}, {"day": None}], "schema": []}, "table")
    empty = Metadata({"records": [], "schema": []}, "table")
    [(key, description, rows)] = tables_in(
        "main/Sales", {"First rows": table, "none": empty, "rows": Metadata(2)}
    )
    assert (key, description) == ("databricks-main-sales-first-rows", "First rows of main/Sales")
    assert rows == [{"day": r"a\|b", "n": "{'x': 1}"}, {"day": None}]


def test_a_check_counts_as_it_was_made_last() -> None:
    first = CheckResult("a", "c", False, "t", attempt=1)
    second = CheckResult("a", "c", True, "t", attempt=2)
    warned = CheckResult("a", "w", False, "t", severity="WARN")
    assert failed_checks((first, second, warned)) == []
    assert failed_checks((second, first)) == [first]
