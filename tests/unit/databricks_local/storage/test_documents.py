"""Documents by the beginning of their ids."""

from pathlib import Path

from databricks_local.storage.documents import Documents


def test_ids_that_begin_so(tmp_path: Path) -> None:
    documents = Documents(tmp_path / "objects.sqlite")
    ids = ["main.a", "main.a.t", "main.a.表", "main.a.\U0010fffd", "main.a!", "main.aa.t", "main.b.t", "z"]
    for each in ids:
        documents.put("table", each, {})
    documents.put("other", "main.a.t", {})
    assert documents.ids("table", "main.a.") == ["main.a.t", "main.a.表", "main.a.\U0010fffd"]
    assert documents.ids("table", "") == sorted(ids, key=str.encode)
    documents.close()
