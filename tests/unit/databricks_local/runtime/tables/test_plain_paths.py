"""Paths in plain characters."""

from pathlib import Path

import pytest
from databricks_local.runtime.tables.plain_paths import PlainPaths


def test_a_path_with_odd_names_has_another_one(tmp_path: Path) -> None:
    paths = PlainPaths()
    odd = tmp_path / "my data" / "größe" / "t"
    odd.mkdir(parents=True)
    plain = paths.plain(odd)
    assert plain.samefile(odd)
    assert str(plain).isascii()
    assert " " not in str(plain)
    assert paths.plain(odd) == plain
    assert paths.original(str(plain)) == str(odd)
    paths.close()
    assert not plain.exists()
    assert odd.exists()


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("br[1].csv.gz", ".csv.gz"),
        ("per%20cent.csv", ".csv"),
        ("st*r", ""),
        ("a.b c", ""),
        ("x\ny.json", ".json"),
    ],
)
def test_a_file_with_an_odd_name_has_another_one_with_the_same_end(
    tmp_path: Path, name: str, ends: str
) -> None:
    paths = PlainPaths()
    (tmp_path / name).write_text("rows")
    plain = paths.plain(tmp_path / name)
    assert plain.read_text() == "rows"
    assert plain.name.isascii()
    assert plain.name.removesuffix(ends).isalnum()
    paths.close()


def test_what_is_plain_or_not_there_stays(tmp_path: Path) -> None:
    paths = PlainPaths()
    for place in (tmp_path / "plain", tmp_path / "not there"):
        assert paths.plain(place) == place
        assert paths.original(str(place)) == str(place)
    paths.close()


def test_a_function_around_another(tmp_path: Path) -> None:
    paths = PlainPaths()
    (tmp_path / "my data").mkdir()
    uris = {"a": f"file://{tmp_path}/my data/t", "b": f"file://{tmp_path}/t", "c": "s3://bucket/my data"}
    rewrite = paths.around(uris.__getitem__)
    assert Path(rewrite("a").removeprefix("file://")).parent.samefile(tmp_path / "my data")
    assert " " not in rewrite("a")
    assert (rewrite("b"), rewrite("c")) == (uris["b"], uris["c"])
    paths.close()
