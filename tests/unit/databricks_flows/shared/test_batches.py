"""How files are grouped into batches."""

from __future__ import annotations

import pytest
from databricks_flows.shared.batches import make_batches


@pytest.mark.parametrize(
    ("files", "batch_size", "concurrency", "batches", "largest"),
    [
        (1, 0, 4, 1, 1),
        (50, 0, 4, 50, 1),
        (51, 0, 4, 13, 4),
        (1000, 0, 4, 20, 50),
        (10_000, 0, 8, 200, 50),
        (10, 3, 4, 4, 3),
        (2, 100, 4, 1, 2),
    ],
)
def test_hundreds_are_grouped_and_none_is_lost(
    files: int, batch_size: int, concurrency: int, batches: int, largest: int
) -> None:
    given = {f"t{number}": number for number in range(files)}
    made = make_batches(given, concurrency, batch_size)
    assert len({batch.name for batch in made}) == batches
    assert max(len(batch.files) for batch in made) == largest
    assert sorted(file for batch in made for file in batch.files) == list(range(files))
