"""The first and the last year of each entity, for a summary."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Span:
    """The first and the last year of an entity with a combined share.

    Attributes:
        entity: Country or region.
        first_year: First year. `None`: no year has all three shares.
        first_share: Combined share in that year, in percent.
        last_year: Last year.
        last_share: Combined share in that year, in percent.
    """

    entity: str
    first_year: int | None = None
    first_share: float | None = None
    last_year: int | None = None
    last_share: float | None = None


def read_spans(table_path: Path) -> list[Span]:
    """Read the span of each entity from a table like `shw.csv`, in the order of the table."""
    spans: dict[str, Span] = {}
    with table_path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            entity = row["Entity"]
            span = spans.setdefault(entity, Span(entity))
            if row["SHW%"]:
                year, share = int(row["Year"]), float(row["SHW%"])
                first_year, first_share = span.first_year, span.first_share
                if first_year is None:
                    first_year, first_share = year, share
                spans[entity] = Span(entity, first_year, first_share, year, share)
    return list(spans.values())
