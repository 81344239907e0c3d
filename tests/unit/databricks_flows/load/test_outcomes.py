"""What is told of files that are not loaded, or not known to be."""

from __future__ import annotations

import pickle
from types import ModuleType

import cloudpickle
import pytest
from databricks_flows.load.outcomes import FileOutcome, FilesNotLoaded, LoadInterrupted, settled

LOADED = FileOutcome("a.csv", "a", 3)
REFUSED = FileOutcome("b.csv", "b", error="b.csv, line 3: 1 fields")
IN_DOUBT = FileOutcome("c.csv", "c", error="c.csv: connection lost", in_doubt=True)


@pytest.mark.parametrize("pickler", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
@pytest.mark.parametrize("kind", [FilesNotLoaded, LoadInterrupted])
def test_the_error_survives_being_persisted(kind: type[FilesNotLoaded], pickler: ModuleType) -> None:
    error = kind([LOADED, REFUSED])
    again = pickler.loads(pickler.dumps(error))
    assert type(again) is kind
    assert again.outcomes == [LOADED, REFUSED]
    assert str(again) == str(error)


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        ([LOADED, REFUSED], "1 of 2 files are not loaded: b.csv, line 3: 1 fields"),
        (
            [LOADED, IN_DOUBT],
            "1 of 2 files are not known to be loaded (a retry loads those that are not):"
            " c.csv: connection lost",
        ),
        (
            [REFUSED, IN_DOUBT],
            "1 of 2 files are not loaded, 1 of 2 files are not known to be loaded (a retry loads those that"
            " are not): b.csv, line 3: 1 fields; c.csv: connection lost",
        ),
        ([REFUSED] * 7, f"7 of 7 files are not loaded: {'; '.join([REFUSED.error] * 5)}; and 2 more"),
    ],
)
def test_what_is_not_known_is_not_told_as_a_fact(outcomes: list[FileOutcome], message: str) -> None:
    assert str(FilesNotLoaded(outcomes)) == message


@pytest.mark.parametrize(
    ("loaded", "outcome"),
    [
        ({"a": 3, "b": 2, "c": 5}, FileOutcome("c.csv", "c", 5)),
        ({"a": 3, "c": 0}, FileOutcome("c.csv", "c", 0)),
        ({"a": 3}, FileOutcome("c.csv", "c", error="c.csv: connection lost")),
    ],
)
def test_the_notes_decide_what_is_in_doubt_and_nothing_else(
    loaded: dict[str, int], outcome: FileOutcome
) -> None:
    assert settled([LOADED, REFUSED, IN_DOUBT], loaded) == [LOADED, REFUSED, outcome]
