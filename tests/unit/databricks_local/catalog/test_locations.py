"""Where tables are."""

from pathlib import Path

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.catalog.locations import Locations


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    for name in ("dbfs", "volumes", "files", "tables"):
        (tmp_path / name).mkdir()
    return Locations(tmp_path)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("dbfs:/data/t", "dbfs:/data/t"),
        ("/data/t/", "dbfs:/data/t"),
        ("/Volumes/main/default/v/t", "dbfs:/Volumes/main/default/v/t"),
        ("file:///dbfs/data/t", "dbfs:/data/t"),
        ("file:/tmp/t", "file:///tmp/t"),
        ("s3://bucket/t/", "s3://bucket/t"),
        ("dbfs:/data/../t", "dbfs:/t"),
    ],
)
def test_kept(locations: Locations, given: str, kept: str) -> None:
    assert locations.kept(given) == kept
    assert locations.kept(kept) == kept


def test_sail_names_places_of_the_machine(locations: Locations) -> None:
    for given in ("file:///Volumes/main/default/v/t", f"file://{locations.root}/volumes/main/default/v/t"):
        assert locations.kept(given, by_sail=True) == "dbfs:/Volumes/main/default/v/t"
    assert locations.kept("/dbfs/100%", by_sail=True) == "dbfs:/100%"
    assert locations.for_sail("dbfs:/data/t") == f"file://{locations.root}/dbfs/data/t"
    assert locations.for_sail("s3://bucket/t") == "s3://bucket/t"


def test_a_place_with_an_odd_name_has_a_plain_path_for_sail(locations: Locations) -> None:
    (locations.root / "dbfs" / "my data").mkdir()
    plain = locations.for_sail("dbfs:/my data/t")
    assert " " not in plain
    assert Path(plain.removeprefix("file://")).parent.samefile(locations.root / "dbfs" / "my data")
    assert locations.kept(plain, by_sail=True) == "dbfs:/my data/t"
    locations.aliases.close()
    assert not Path(plain.removeprefix("file://")).parent.exists()


@pytest.mark.parametrize("given", ["dbfs:/", "dbfs:/..", "file:/{root}/secrets/t", "file:/{root}", "/a\x00b"])
def test_places_where_no_tables_are(locations: Locations, given: str) -> None:
    with pytest.raises(ApiError, match="is not a location of a table"):
        locations.on_disk(locations.kept(given.replace("{root}", str(locations.root)[1:])))


def test_a_link_does_not_lead_out(locations: Locations) -> None:
    (locations.root / "dbfs" / "out").symlink_to(locations.root)
    with pytest.raises(ApiError, match="is not a location of a table"):
        locations.on_disk("dbfs:/out/secrets")
