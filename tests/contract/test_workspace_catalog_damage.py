"""Tables whose files were moved, damaged, shared or removed, and places where no tables are."""

import shutil
import threading
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound
from databricks.sdk.service import catalog as uc
from databricks_local import LocalWorkspace
from deltalake import write_deltalake

from tests.unit.databricks_local.pages.html_reader import HtmlPage

from .sql_lab import starter_of
from .workspace_lab import Lab, until

API = "/api/2.1/unity-catalog"
SAIL = "/local/sail/api/2.1/unity-catalog"
COLUMNS = [{"name": "id", "type_text": "int", "position": 0}]


def body(name: str, schema: str = "default", **fields: object) -> dict[str, object]:
    return {"catalog_name": "main", "schema_name": schema, "name": name, "columns": COLUMNS, **fields}


def make(lab: Lab, name: str, schema: str = "default", **fields: object) -> Path:
    """A table with two rows; where it is."""
    answer = lab.post(f"{API}/tables", body(name, schema, **fields))
    assert answer.status_code == 200, answer.text
    place = Path(answer.json()["storage_location"].removeprefix("file://"))
    write_deltalake(place, pa.table({"id": pa.array([1, 2], pa.int32())}), mode="append")
    return place


def test_a_workspace_that_is_moved_has_its_tables(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    with LocalWorkspace(before) as workspace:
        workspace.client().tables.create(
            name="t",
            catalog_name="main",
            schema_name="default",
            table_type=uc.TableType.MANAGED,
            data_source_format=uc.DataSourceFormat.DELTA,
            storage_location="",
            columns=[uc.ColumnInfo(name="id", type_text="int", position=0)],
        )
    before.rename(after)
    with LocalWorkspace(after) as workspace:
        table = workspace.client().tables.get("main.default.t")
        assert [column.name for column in table.columns or []] == ["id"]
        assert (table.storage_location or "").startswith(f"file://{after.resolve()}/tables/")


def test_a_damaged_table_is_seen_and_dropped(lab: Lab) -> None:
    lab.sdk.schemas.create("damaged", "main")
    broken, gone, _ = (make(lab, name, "damaged") for name in ("broken", "gone", "whole"))
    for log in (broken / "_delta_log").glob("*.json"):
        log.write_text("{")
    shutil.rmtree(gone)
    listed = {table.name: table for table in lab.sdk.tables.list("main", "damaged")}
    assert {name: len(table.columns or []) for name, table in listed.items()} == {
        "broken": 0,
        "gone": 0,
        "whole": 1,
    }
    assert "cannot be read" in (listed["broken"].comment or "")
    schema = {"catalog_name": "main", "schema_name": "damaged"}
    assert len(lab.get(f"{SAIL}/tables", **schema).json()["tables"]) == 3
    refused = lab.get(f"{SAIL}/tables/main.damaged.gone")
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("[DELTA_TABLE_NOT_FOUND]")
    with httpx.Client(
        base_url=lab.workspace.url, trust_env=False, follow_redirects=True, timeout=30
    ) as browser:
        browser.post("/login", data={"token": lab.workspace.token})
        page = HtmlPage(browser.get("/catalog/main/damaged").text)
        assert [link.text for link in page.all(".//section[@id='tables']//a")] == ["broken", "gone", "whole"]
        assert browser.get("/catalog/main/damaged/broken").status_code == 200
    starter = starter_of(lab)
    assert starter.rows("SELECT count(*) FROM main.damaged.whole") == [["2"]]
    for name in ("broken", "gone"):
        starter.rows(f"DROP TABLE main.damaged.{name}")
    assert [table.name for table in lab.sdk.tables.list("main", "damaged")] == ["whole"]
    lab.sdk.schemas.delete("main.damaged", force=True)


def test_two_tables_do_not_have_the_same_files(lab: Lab) -> None:
    place = make(lab, "owner")
    for fields in (
        {"table_type": "MANAGED"},
        {"table_type": "EXTERNAL"},
        {"table_type": "EXTERNAL", "data_source_format": "CSV"},
    ):
        refused = lab.post(f"{API}/tables", body("other", storage_location=f"file:{place}", **fields))
        assert refused.status_code == 400
        assert "LOCATION_OVERLAP" in refused.json()["message"]
    assert not lab.sdk.tables.exists("main.default.other").table_exists
    assert (place / "_delta_log").exists()
    lab.sdk.tables.delete("main.default.owner")


@pytest.mark.parametrize(
    ("location", "code", "words"),
    [
        ("C:/x", "INVALID_PARAMETER_VALUE", "no tables at c:"),
        ("/Volumes/nosuch/a/b/t", "RESOURCE_DOES_NOT_EXIST", "Volume 'nosuch.a.b' does not exist."),
        ("dbfs:/Volumes/main", "INVALID_PARAMETER_VALUE", "is not a location"),
    ],
)
def test_places_where_no_table_is(lab: Lab, location: str, code: str, words: str) -> None:
    before = (
        [each.name for each in lab.sdk.catalogs.list()],
        [each.name for each in lab.sdk.schemas.list("main")],
    )
    refused = lab.post(f"{API}/tables", body("x", table_type="EXTERNAL", storage_location=location)).json()
    assert refused["error_code"] == code
    assert words in refused["message"]
    after = (
        [each.name for each in lab.sdk.catalogs.list()],
        [each.name for each in lab.sdk.schemas.list("main")],
    )
    assert after == before


def test_information_schema_is_not_changed(lab: Lab) -> None:
    with pytest.raises(InvalidParameterValue, match="cannot be changed"):
        lab.sdk.volumes.create("main", "information_schema", "v", uc.VolumeType.MANAGED)
    for api in (API, SAIL):
        fields = {"data_source_format": "DELTA", "storage_location": "file:/tmp/x", "table_type": "EXTERNAL"}
        refused = lab.post(f"{api}/tables", body("t", "information_schema", **fields))
        assert refused.status_code == 400
        assert "cannot be changed" in refused.json()["message"]


def test_managed_tables_are_not_in_storage_elsewhere(lab: Lab) -> None:
    with pytest.raises(InvalidParameterValue, match="external tables"):
        lab.sdk.catalogs.create("elsewhere", storage_root="s3://bucket/x")
    with pytest.raises(NotFound):
        lab.sdk.catalogs.get("elsewhere")


def test_a_schema_that_is_dropped_while_others_make_tables(lab: Lab) -> None:
    lab.sdk.schemas.create("dropped", "main")
    for number in range(10):
        make(lab, f"t{number}", "dropped")
    made: list[str] = []

    def make_some(maker: int) -> None:
        with httpx.Client(
            base_url=lab.workspace.url, headers=lab.http.headers, trust_env=False, timeout=30
        ) as http:
            for number in range(30):
                answer = http.post(f"{API}/tables", json=body(f"new{maker}_{number}", "dropped"))
                if answer.status_code != 200:
                    assert answer.json()["error_code"] == "SCHEMA_DOES_NOT_EXIST"
                    return
                made.append(answer.json()["full_name"])

    makers = [threading.Thread(target=make_some, args=(maker,)) for maker in range(3)]
    for maker in makers:
        maker.start()
    lab.sdk.schemas.delete("main.dropped", force=True)
    for maker in makers:
        maker.join()
    with pytest.raises(NotFound):
        lab.sdk.schemas.get("main.dropped")
    assert [name for name in made if lab.sdk.tables.exists(name).table_exists] == []


def test_a_list_for_sail_while_tables_are_dropped(lab: Lab) -> None:
    lab.sdk.schemas.create("listed_by_sail", "main")
    for number in range(20):
        make(lab, f"t{number}", "listed_by_sail")
    codes: list[int] = []
    ended = threading.Event()

    def look() -> None:
        with httpx.Client(
            base_url=lab.workspace.url, headers=lab.http.headers, trust_env=False, timeout=30
        ) as http:
            while not ended.is_set():
                query = {"catalog_name": "main", "schema_name": "listed_by_sail"}
                codes.append(http.get(f"{SAIL}/tables", params=query).status_code)

    reader = threading.Thread(target=look)
    reader.start()
    until(lambda: codes)
    for number in range(20):
        lab.sdk.tables.delete(f"main.listed_by_sail.t{number}")
    ended.set()
    reader.join()
    assert set(codes) == {200}
    lab.sdk.schemas.delete("main.listed_by_sail")


def test_a_property_that_delta_refuses_changes_nothing(lab: Lab) -> None:
    make(lab, "whole")
    told: dict[str, object] = {"comment": "new", "properties": {"delta.enableChangeDataFeed": "maybe"}}
    for changes in (told, {**told, "new_name": "renamed"}):
        assert lab.http.patch(f"{API}/tables/main.default.whole", json=changes).status_code == 400
        assert lab.sdk.tables.get("main.default.whole").comment is None
    make(lab, "taken")
    changes = {"comment": "new", "new_name": "taken"}
    with pytest.raises(BadRequest, match="already exists"):
        lab.sdk.api_client.do("PATCH", f"{API}/tables/main.default.whole", body=changes)
    assert lab.sdk.tables.get("main.default.whole").comment is None
    panicked = {"properties": {"delta.minReaderVersion": "3"}}
    refused = lab.http.patch(f"{API}/tables/main.default.whole", json=panicked)
    assert (refused.status_code, "ALTER TABLE" in refused.json()["message"]) == (400, True)
    for name in ("whole", "taken"):
        lab.sdk.tables.delete(f"main.default.{name}")
