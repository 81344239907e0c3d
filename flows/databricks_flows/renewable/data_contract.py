"""The data contract of an analysis: no step loses, duplicates or changes data, or the run stops. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from databricks_blocks.database.tables import Profile

# Relative. Spark and the database add the same numbers up in different orders.
_TOLERANCE = 1e-9


class DataContractBreach(ValueError):
    """Raised when rows or values were lost, duplicated or changed between steps."""


@dataclass(frozen=True)
class Figures:
    """What was measured of one share after a step. `None`: not measured.

    Attributes:
        rows: Number of rows.
        duplicates: Number of rows with the entity and year of another row.
        empty: Number of rows without a value.
        first_year: The first year.
        last_year: The last year.
        total: Sum of the absolute values.
    """

    rows: int | None = None
    duplicates: int | None = None
    empty: int | None = None
    first_year: int | None = None
    last_year: int | None = None
    total: float | None = None


_WORDS = {
    "rows": "rows",
    "duplicates": "duplicates",
    "empty": "rows without a value",
    "first_year": "as first year",
    "last_year": "as last year",
    "total": "as total",
}


@dataclass(frozen=True)
class Finding:
    """What was measured after a step, and what was expected.

    Attributes:
        step: Name of the step.
        share: Name of the share, or `all`.
        found: What was measured.
        expected: What was expected; `None` in it: not compared.
    """

    step: str
    share: str
    found: Figures
    expected: Figures

    @property
    def breaches(self) -> list[str]:
        """The differences, in words."""
        pairs = {name: (getattr(self.found, name), getattr(self.expected, name)) for name in _WORDS}
        return [
            f"{found} {_WORDS[name]} instead of {expected}"
            for name, (found, expected) in pairs.items()
            if expected is not None and not _same(found, expected)
        ]


@dataclass(frozen=True)
class StagedShare:
    """What was measured of one share on its way to the storage.

    Attributes:
        share: Name of the share.
        records: Number of records of the file.
        table: Profile of the rows that were loaded.
        loaded: Profile of those loaded rows that belong to the chosen countries.
        selected: Profile of the rows that were selected.
        keys: Number of different pairs of entity and year in the selected rows.
        staged_rows: Number of rows that were written to the storage.
        is_there: Whether the file exists in the storage.
    """

    share: str
    records: int
    table: Profile
    loaded: Profile
    selected: Profile
    keys: int
    staged_rows: int
    is_there: bool


@dataclass(frozen=True)
class StagedData:
    """The data that the notebooks read, as it was measured.

    Attributes:
        findings: The findings so far.
        expected: What the result has to have, by share.
    """

    findings: tuple[Finding, ...]
    expected: Mapping[str, Figures]


def judge_staged(shares: Sequence[StagedShare], keys: int) -> StagedData:
    """Compare the steps before the notebooks, and derive what the result has to have.

    Args:
        shares: What was measured of each share.
        keys: Number of different pairs of entity and year in all shares together.
    """
    findings = [finding for share in shares for finding in _staged_findings(share)]
    firsts = [share.selected.first for share in shares if share.selected.first is not None]
    lasts = [share.selected.last for share in shares if share.selected.last is not None]
    expected = {
        share.share: Figures(
            rows=keys,
            empty=keys - share.selected.present[share.share],
            first_year=min(firsts, default=None),
            last_year=max(lasts, default=None),
            total=share.selected.totals[share.share],
        )
        for share in shares
    }
    return StagedData(tuple(findings), expected)


def judge_result(staged: StagedData, counted: int, result: Profile, keys: int) -> list[Finding]:
    """Compare the result with what the notebooks read.

    Args:
        staged: What they read.
        counted: Number of rows that the last notebook counted.
        result: Profile of the rows of the result.
        keys: Number of different pairs of entity and year in the result.
    """
    rows = next(iter(staged.expected.values())).rows
    counts = [Finding("run_databricks_job", "all", Figures(rows=counted), Figures(rows=rows))]
    duplicates = result.rows - keys
    return counts + [
        Finding(
            "load_result",
            share,
            replace(_figures(result, share), duplicates=duplicates),
            replace(expected, duplicates=0),
        )
        for share, expected in staged.expected.items()
    ]


def artifact_rows(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """The findings as rows of a table artifact."""
    return [
        {
            "after": finding.step,
            "share": finding.share,
            **{name.replace("_", " "): _shown(getattr(finding.found, name)) for name in _WORDS},
            "contract": "; ".join(finding.breaches) or "kept",
        }
        for finding in findings
    ]


def breach(findings: Sequence[Finding]) -> DataContractBreach | None:
    """The error for the first broken finding, with the number of the others; `None` if all is kept."""
    broken = [finding for finding in findings if finding.breaches]
    if not broken:
        return None
    first = broken[0]
    more = f" ({len(broken) - 1} more in the artifact data-contract)" if len(broken) > 1 else ""
    return DataContractBreach(f"After {first.step}, {first.share}: {'; '.join(first.breaches)}{more}")


def _staged_findings(share: StagedShare) -> list[Finding]:
    loaded, selected = _figures(share.loaded, share.share), _figures(share.selected, share.share)
    found = replace(selected, duplicates=share.selected.rows - share.keys)
    staged_rows = share.staged_rows if share.is_there else 0
    return [
        Finding("load_csv", share.share, _figures(share.table, share.share), Figures(rows=share.records)),
        Finding("select_countries", share.share, found, replace(loaded, duplicates=0)),
        Finding("export_table", share.share, Figures(rows=staged_rows), Figures(rows=share.selected.rows)),
    ]


def _figures(profile: Profile, share: str) -> Figures:
    return Figures(
        rows=profile.rows,
        empty=profile.rows - profile.present[share],
        first_year=profile.first,
        last_year=profile.last,
        total=profile.totals[share],
    )


def _same(found: float | None, expected: float) -> bool:
    if isinstance(found, float):
        return math.isclose(found, expected, rel_tol=_TOLERANCE)
    return found == expected


def _shown(figure: float | None) -> str:
    if figure is None:
        return ""
    return f"{figure:.6g}" if isinstance(figure, float) else str(figure)
