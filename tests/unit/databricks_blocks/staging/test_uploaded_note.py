"""The note on what was uploaded."""

from __future__ import annotations

import pytest
from databricks_blocks.staging.uploaded_note import Uploaded, UploadedNote

FIRST = Uploaded(3, "abc", "2026-11-27T10:00:00+00:00")


def test_a_note_comes_back_as_it_was_written() -> None:
    note = UploadedNote({"b.csv": FIRST}).with_files({"Größe.csv": Uploaded(0, "d", "t")})
    assert UploadedNote.from_json(note.as_json()) == note
    assert set(note.files) == {"b.csv", "Größe.csv"}


@pytest.mark.parametrize(
    "text",
    [b"", b"\xff", b"[]", b"{}", b'{"files": 3}', b'{"files": {"a": {"size": "x"}}}', b'{"files": {"a": 1}}'],
)
def test_a_note_that_cannot_be_read_knows_no_file(text: bytes) -> None:
    assert UploadedNote.from_json(text) == UploadedNote()
