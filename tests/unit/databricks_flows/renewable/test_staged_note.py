"""The note on what is staged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from databricks_flows.renewable.data_contract import Figures, Finding, StagedData
from databricks_flows.renewable.share_files import ShareFile
from databricks_flows.renewable.staged_note import Asked, Published, StagedNote, digest, fingerprint

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
FIGURES = Figures(rows=3, empty=0, first_year=2000, last_year=2002, total=0.1 + 0.2)
STAGED = StagedData((Finding("load_csv", "Solar", FIGURES, Figures(rows=3)),), {"Solar": FIGURES})
NOTE = StagedNote("abc", NOW, STAGED, keep_hours=24)
INTAKE = ("country_subset/hydro.csv", "country_subset/wind.csv")
ASKED = Asked("abc", "job", INTAKE)
PUBLISHED = replace(NOTE, used_by="job", published=Published(3, "https://x", "digest"))
# Times that cannot be compared or reckoned with: what reads them would fail.
UNFIT = [
    replace(NOTE, keep_until=datetime(2026, 11, 27, 12)).as_json(),
    replace(NOTE, keep_hours=1e300).as_json(),
    replace(NOTE, keep_hours=-1).as_json(),
]


def test_what_is_written_is_what_is_read() -> None:
    note = replace(NOTE.after_failure(NOW, usable=False), published=Published(3, "https://x"))
    assert StagedNote.from_json(note.as_json()) == note


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b"not JSON", NOTE.as_json()[:-20], *UNFIT])
def test_what_is_not_a_note_is_none(text: bytes) -> None:
    assert StagedNote.from_json(text) is None


def test_after_a_failure_it_says_until_when_it_is_kept() -> None:
    assert NOTE.keep_until is None
    assert NOTE.after_failure(NOW, usable=True).keep_until == NOW + timedelta(hours=24)


@pytest.mark.parametrize(
    ("note", "asked", "there", "serves"),
    [
        (NOTE, ASKED, INTAKE, True),
        (NOTE, replace(ASKED, inputs="other"), INTAKE, False),
        (NOTE, replace(ASKED, job="other"), INTAKE, True),
        (replace(NOTE, usable=False), ASKED, INTAKE, False),
        # The job has read the files: its run is found again. Another one would read files that are gone.
        (replace(NOTE, used_by="job"), ASKED, (), True),
        (replace(NOTE, used_by="job"), replace(ASKED, job="other"), (), False),
        (replace(NOTE, used_by="job"), replace(ASKED, job="other"), INTAKE[:1], False),
        (replace(NOTE, used_by="job"), replace(ASKED, job="other"), INTAKE, True),
        # A clean-up was killed.
        (NOTE, ASKED, INTAKE[1:], False),
        (PUBLISHED, replace(ASKED, table="digest"), (), True),
        (PUBLISHED, ASKED, (), False),
        # Another run has written to the output folder meanwhile.
        (PUBLISHED, replace(ASKED, table="of another run"), (), False),
        (replace(NOTE, published=Published(3, "")), ASKED, INTAKE, False),
    ],
)
def test_a_retry_goes_on_only_from_its_own_inputs(
    note: StagedNote, asked: Asked, there: tuple[str, ...], serves: bool
) -> None:
    assert note.serves(asked, there) is serves


def test_the_fingerprint_changes_with_content_and_countries(tmp_path: Path) -> None:
    file = ShareFile(tmp_path / "a.csv", ("Entity",), "Solar", "solar")
    file.path.write_text("x")
    first = fingerprint([file], ["Peru", "Chile"])
    assert fingerprint([file], ["Chile", "Peru"]) == first
    assert fingerprint([file], None) != first
    file.path.write_text("y")
    assert fingerprint([file], ["Peru", "Chile"]) != first


def test_the_digest_changes_with_the_content(tmp_path: Path) -> None:
    table = tmp_path / "shw.csv"
    table.write_text("x")
    first = digest(table)
    table.write_text("y")
    assert digest(table) != first
