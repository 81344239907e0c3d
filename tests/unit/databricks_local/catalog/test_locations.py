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
        ("DBFS:/data/t", "dbfs:/data/t"),
        ("File:/tmp/t", "file:///tmp/t"),
        ("S3A://bucket/t", "s3a://bucket/t"),
        ("s3://bucket/größe/a b", "s3://bucket/größe/a b"),
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


@pytest.mark.parametrize(
    "given", ["C:/x", "foo://x/y", "http://host/x", "memory:///x", "abfss://c@a/x", "x:"]
)
def test_a_scheme_that_is_not_served_is_refused_by_name(locations: Locations, given: str) -> None:
    scheme = given.partition(":")[0].lower()
    with pytest.raises(ApiError, match=rf"no tables at {scheme}:.* use dbfs:, file:, s3:"):
        locations.kept(given)


@pytest.mark.parametrize(
    "given",
    ["s3:", "s3://", "s3:///x", "s3:bucket/x", "s3://b/x\x00", "s3://b/x?y", "s3://b/x#y", "s3://b/../x"],
)
def test_places_in_storage_where_no_tables_are(locations: Locations, given: str) -> None:
    with pytest.raises(ApiError, match="is not a location of a table"):
        locations.kept(given)


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ("/Volumes/nosuch/a/b/t", r"Volume 'nosuch\.a\.b' does not exist"),
        ("dbfs:/Volumes/main", "is not a location of a table"),
        ("/Volumes/main/default/v", "is not a location of a table"),
        ("file:{root}/tables", "LOCATION_OVERLAP"),
        ("file:{root}/tables/x/y", "LOCATION_OVERLAP"),
        ("file:{root}/..", "LOCATION_OVERLAP"),
        ("file:{root}/dbfs/link/x", "is not a location of a table"),
        ("file:{elsewhere}/link/x", "LOCATION_OVERLAP"),
    ],
)
def test_places_where_no_external_table_is(
    locations: Locations, given: str, refusal: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "link").symlink_to(locations.tables)
    (locations.root / "volumes" / "main" / "default" / "v").mkdir(parents=True)
    (locations.root / "dbfs" / "link").symlink_to(locations.tables)
    with pytest.raises(ApiError, match=refusal):
        locations.check_external(locations.kept(given.format(root=locations.root, elsewhere=elsewhere)))


def test_places_of_external_tables(locations: Locations, tmp_path_factory: pytest.TempPathFactory) -> None:
    (locations.root / "volumes" / "main" / "default" / "v").mkdir(parents=True)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for given in ("/Volumes/main/default/v/t", "dbfs:/t", "s3://bucket/t", f"file:{elsewhere}"):
        locations.check_external(locations.kept(given))


def test_managed_tables_are_on_this_machine(locations: Locations) -> None:
    assert locations.checked_root("dbfs:/placed/") == "dbfs:/placed"
    with pytest.raises(ApiError, match=r"no managed tables at 's3://bucket/x'.* or external tables"):
        locations.checked_root("s3://bucket/x")
    with pytest.raises(ApiError, match="LOCATION_OVERLAP"):
        locations.checked_root(f"file:{locations.tables}/x")
