"""What is lost or changed between two steps is a breach; what Spark adds in another order is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from databricks_blocks.database.tables import Profile
from databricks_flows.renewable.data_contract import (
    StagedData,
    StagedShare,
    artifact_rows,
    breach,
    judge_result,
    judge_staged,
)

SOLAR, HYDRO = "Solar (% electricity)", "Hydro (% electricity)"


def profile(rows: int, first: int | None, last: int | None, **columns: tuple[int, float]) -> Profile:
    named = {{"solar": SOLAR, "hydro": HYDRO}[name]: value for name, value in columns.items()}
    present = {name: value[0] for name, value in named.items()}
    return Profile(rows, first, last, present, {name: value[1] for name, value in named.items()})


def share(name: str, measured: Profile, **changed: Any) -> StagedShare:
    rows = measured.rows
    return replace(StagedShare(name, rows, measured, measured, measured, rows, rows, True), **changed)


SOLAR_ROWS = profile(10, 1985, 1994, solar=(9, 4.5))
HYDRO_ROWS = profile(12, 1990, 2001, hydro=(12, 600.25))
RESULT = profile(17, 1985, 2001, solar=(9, 4.5 + 1e-12), hydro=(12, 600.25))


def staged() -> StagedData:
    return judge_staged([share(SOLAR, SOLAR_ROWS), share(HYDRO, HYDRO_ROWS)], keys=17)


def test_what_goes_in_and_comes_out_keeps_the_contract() -> None:
    findings = [*staged().findings, *judge_result(staged(), 17, RESULT, keys=17)]
    assert breach(findings) is None
    rows = artifact_rows(findings)
    assert [(row["after"], row["share"]) for row in rows] == [
        *(
            (step, name)
            for name in (SOLAR, HYDRO)
            for step in ("load_csv", "select_countries", "export_table")
        ),
        ("run_databricks_job", "all"),
        ("load_result", SOLAR),
        ("load_result", HYDRO),
    ]
    assert {row["contract"] for row in rows} == {"kept"}
    assert rows[1] == {
        "after": "select_countries",
        "share": SOLAR,
        "rows": "10",
        "duplicates": "0",
        "empty": "1",
        "first year": "1985",
        "last year": "1994",
        "total": "4.5",
        "contract": "kept",
    }


def test_a_share_without_rows_keeps_it_too() -> None:
    nothing = profile(0, None, None, hydro=(0, 0.0))
    given = judge_staged([share(SOLAR, SOLAR_ROWS), share(HYDRO, nothing)], keys=10)
    result = profile(10, 1985, 1994, solar=(9, 4.5), hydro=(0, 0.0))
    assert breach([*given.findings, *judge_result(given, 10, result, keys=10)]) is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"selected": profile(9, 1985, 1994, solar=(8, 4.0)), "keys": 9, "staged_rows": 9},
            "9 rows instead of 10",
        ),
        ({"selected": replace(SOLAR_ROWS, last=1995)}, "1995 as last year instead of 1994"),
        ({"selected": replace(SOLAR_ROWS, present={SOLAR: 8})}, "2 rows without a value instead of 1"),
        ({"selected": replace(SOLAR_ROWS, totals={SOLAR: 4.6})}, "4.6 as total instead of 4.5"),
        ({"keys": 9}, "1 duplicates instead of 0"),
        ({"staged_rows": 11}, "11 rows instead of 10"),
        ({"is_there": False}, "0 rows instead of 10"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_breach_before_the_cluster_says_after_which_step_and_what(
    changed: dict[str, Any], message: str
) -> None:
    found = breach(judge_staged([share(SOLAR, SOLAR_ROWS, **changed)], keys=10).findings)
    step = (
        "export_table" if {"staged_rows", "is_there"} & set(changed) == set(changed) else "select_countries"
    )
    assert str(found).startswith(f"After {step}, {SOLAR}: {message}")


@pytest.mark.parametrize(
    ("counted", "result", "message"),
    [
        (16, RESULT, "After run_databricks_job, all: 16 rows instead of 17"),
        (17, replace(RESULT, rows=34), f"After load_result, {SOLAR}: 34 rows instead of 17"),
        (17, replace(RESULT, first=1986), f"After load_result, {SOLAR}: 1986 as first year instead of 1985"),
        (
            17,
            replace(RESULT, present={SOLAR: 9, HYDRO: 11}),
            f"After load_result, {HYDRO}: 6 rows without a value instead of 5",
        ),
        (
            17,
            replace(RESULT, totals={SOLAR: 4.5, HYDRO: 600.26}),
            f"After load_result, {HYDRO}: 600.26 as total instead of 600.25",
        ),
        (17, replace(RESULT, first=None), f"After load_result, {SOLAR}: None as first year instead of 1985"),
    ],
)
def test_a_breach_of_the_result_says_what(counted: int, result: Profile, message: str) -> None:
    assert str(breach(judge_result(staged(), counted, result, keys=17))).startswith(message)


def test_a_row_that_the_load_lost_is_a_breach() -> None:
    found = breach(judge_staged([share(SOLAR, SOLAR_ROWS, records=11)], keys=10).findings)
    assert str(found).startswith(f"After load_csv, {SOLAR}: 10 rows instead of 11")


def test_rows_are_counted_exactly() -> None:
    many = profile(10**9, 1985, 1994, solar=(10**9, 4.5))
    found = breach(judge_staged([share(SOLAR, many, records=10**9 + 1)], keys=10**9).findings)
    assert found is not None


def test_a_result_with_a_key_twice_and_another_missing_is_a_breach() -> None:
    found = breach(judge_result(staged(), 17, RESULT, keys=16))
    assert str(found).startswith(f"After load_result, {SOLAR}: 1 duplicates instead of 0")


def test_the_other_breaches_are_counted_and_all_are_in_the_table() -> None:
    findings = judge_result(staged(), 16, replace(RESULT, last=2000), keys=17)
    assert str(breach(findings)) == (
        "After run_databricks_job, all: 16 rows instead of 17 (2 more in the artifact data-contract)"
    )
    assert [row["contract"] for row in artifact_rows(findings)] == [
        "16 rows instead of 17",
        "2000 as last year instead of 2001",
        "2000 as last year instead of 2001",
    ]
