"""Catalogs, schemas, tables, views and privileges by the official SDK, with the codes of its errors."""

import json
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, DatabricksError, InvalidParameterValue, NotFound
from databricks.sdk.service import catalog as uc
from deltalake import DeltaTable, write_deltalake

from tests.unit.databricks_local.pages.html_reader import HtmlPage

from .workspace_lab import Lab

ID = uc.ColumnInfo(
    name="Id", type_name=uc.ColumnTypeName.INT, type_text="int", type_json='"integer"', position=0
)
PLACES = uc.ColumnInfo(
    name="places",
    type_name=uc.ColumnTypeName.ARRAY,
    type_text="array<struct<Name:string,height:decimal(10,2)>>",
    position=1,
    comment="where",
)


@pytest.fixture
def sdk(lab: Lab) -> WorkspaceClient:
    return lab.sdk


def create(sdk: WorkspaceClient, name: str, location: str = "", *columns: uc.ColumnInfo) -> uc.TableInfo:
    catalog, schema, table = name.split(".")
    return sdk.tables.create(
        name=table,
        catalog_name=catalog,
        schema_name=schema,
        table_type=uc.TableType.EXTERNAL if location else uc.TableType.MANAGED,
        data_source_format=uc.DataSourceFormat.DELTA,
        storage_location=location,
        columns=list(columns) or [ID, PLACES],
    )


def test_a_table_is_made_shown_changed_and_deleted(sdk: WorkspaceClient) -> None:
    made = create(sdk, "main.default.Made")
    assert (made.full_name, made.table_type) == ("main.default.made", uc.TableType.MANAGED)
    assert made.data_source_format is uc.DataSourceFormat.DELTA
    place = Path((made.storage_location or "").removeprefix("file://"))
    assert DeltaTable(place).version() == 0
    found = sdk.tables.get("MAIN.Default.made")
    assert [(each.name, each.type_text, each.type_name) for each in found.columns or []] == [
        ("Id", "int", uc.ColumnTypeName.INT),
        ("places", "array<struct<Name:string,height:decimal(10,2)>>", uc.ColumnTypeName.ARRAY),
    ]
    assert (found.columns or [])[1].comment == "where"
    assert json.loads((found.columns or [])[0].type_json or "")["type"] == "integer"
    assert sdk.tables.exists("main.default.made").table_exists
    sdk.tables.update("main.default.made", owner="someone")
    assert sdk.tables.get("main.default.made").owner == "someone"
    sdk.tables.delete("main.default.made")
    assert not place.exists()
    assert not sdk.tables.exists("main.default.made").table_exists
    with pytest.raises(NotFound, match=r"^Table 'main\.default\.made' does not exist\.$") as refusal:
        sdk.tables.get("main.default.made")
    assert refusal.value.error_code == "TABLE_DOES_NOT_EXIST"


def test_columns_are_those_of_the_log_at_once(sdk: WorkspaceClient, tmp_path: Path) -> None:
    create(sdk, "main.default.logged", f"file:{tmp_path}/logged", ID)
    for column in ("a", "b"):
        write_deltalake(
            tmp_path / "logged",
            pa.table({column: [1]}),
            mode="overwrite",
            schema_mode="overwrite",
        )
        assert [each.name for each in sdk.tables.get("main.default.logged").columns or []] == [column]
    sdk.tables.delete("main.default.logged")
    assert DeltaTable(tmp_path / "logged").version() == 2


def test_an_external_table_takes_what_is_there(sdk: WorkspaceClient, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterValue, match="DELTA_CREATE_EXTERNAL_TABLE_WITHOUT_TXN_LOG"):
        sdk.api_client.do("POST", "/api/2.1/unity-catalog/tables", body=external(tmp_path))
    write_deltalake(tmp_path, pa.table({"x": [1.5], "y": ["a"]}), partition_by=["y"])
    sdk.api_client.do("POST", "/api/2.1/unity-catalog/tables", body=external(tmp_path))
    columns = sdk.tables.get("main.default.there").columns or []
    assert [(each.name, each.type_text, each.partition_index) for each in columns] == [
        ("x", "double", None),
        ("y", "string", 0),
    ]
    with pytest.raises(InvalidParameterValue, match="DELTA_CREATE_TABLE_SCHEME_MISMATCH"):
        create(sdk, "main.default.other", f"file:{tmp_path}", ID)
    sdk.tables.delete("main.default.there")


def external(place: Path) -> dict[str, str]:
    names = {"catalog_name": "main", "schema_name": "default", "name": "there"}
    return {
        **names,
        "table_type": "EXTERNAL",
        "data_source_format": "DELTA",
        "storage_location": f"file:{place}",
    }


def test_a_view_has_its_query(sdk: WorkspaceClient) -> None:
    body = {
        "catalog_name": "main",
        "schema_name": "default",
        "name": "seen",
        "table_type": "VIEW",
        "view_definition": "SELECT 1 AS a",
        "columns": [{"name": "a", "type_text": "int", "type_name": "INT", "position": 0}],
    }
    sdk.api_client.do("POST", "/api/2.1/unity-catalog/tables", body=body)
    view = sdk.tables.get("main.default.seen")
    assert (view.view_definition, view.table_type) == ("SELECT 1 AS a", uc.TableType.VIEW)
    assert [each.name for each in view.columns or []] == ["a"]
    sdk.tables.delete("main.default.seen")


def test_lists_and_summaries(sdk: WorkspaceClient) -> None:
    sdk.schemas.create("listed", "main", comment="for lists")
    for name in ("one", "two", "three_four"):
        create(sdk, f"main.listed.{name}")
    assert [each.name for each in sdk.tables.list("main", "listed", max_results=1)] == [
        "one", "three_four", "two",
    ]  # fmt: skip
    bare = list(sdk.tables.list("main", "listed", omit_columns=True, omit_properties=True))
    assert [(each.columns, each.properties) for each in bare] == [([], None)] * 3
    summaries = sdk.tables.list_summaries("main", schema_name_pattern="LIST%", table_name_pattern="t%")
    assert [each.full_name for each in summaries] == ["main.listed.three_four", "main.listed.two"]
    with pytest.raises(BadRequest, match=r"The schema has 3 tables\(s\), 0 functions\(s\), 0 volumes\(s\)"):
        sdk.schemas.delete("main.listed")
    sdk.schemas.delete("main.listed", force=True)
    assert not sdk.tables.exists("main.listed.one").table_exists


def test_what_exists_and_what_does_not_are_refused_by_their_codes(sdk: WorkspaceClient) -> None:
    create(sdk, "main.default.taken")
    with pytest.raises(DatabricksError) as taken:
        create(sdk, "main.default.TAKEN")
    with pytest.raises(NotFound) as schema:
        create(sdk, "main.nowhere.t")
    with pytest.raises(NotFound) as catalog:
        sdk.catalogs.get("nowhere")
    assert [each.value.error_code for each in (taken, schema, catalog)] == [
        "TABLE_ALREADY_EXISTS", "SCHEMA_DOES_NOT_EXIST", "CATALOG_DOES_NOT_EXIST",
    ]  # fmt: skip
    sdk.tables.delete("main.default.taken")


@pytest.mark.parametrize("name", ["a b", "a.b", "a/b", "a\nb", "a\x7f", "n" * 256, "``"])
def test_names_that_unity_catalog_refuses(sdk: WorkspaceClient, name: str) -> None:
    body = {"catalog_name": "main", "schema_name": "default", "name": name, "columns": [ID.as_dict()]}
    with pytest.raises(InvalidParameterValue, match="is not a valid name"):
        sdk.api_client.do("POST", "/api/2.1/unity-catalog/tables", body=body)
    with pytest.raises(InvalidParameterValue, match="is not a valid name"):
        sdk.schemas.create(name, "main")


@pytest.mark.parametrize("name", ["Größen", "表", "With-Hyphen", "1st", "таблица", "it's", "a`b", "50%"])
def test_names_in_any_script(sdk: WorkspaceClient, name: str) -> None:
    quoted = f"`{name.replace('`', '``')}`"
    assert create(sdk, f"main.default.{name}").name == name.lower()
    assert sdk.tables.exists(f"main.default.{quoted}".replace("%", "%25")).table_exists
    sdk.api_client.do("DELETE", f"/api/2.1/unity-catalog/tables/main.default.{quoted}".replace("%", "%25"))


def test_comments_and_owners_of_catalogs_and_schemas(sdk: WorkspaceClient) -> None:
    sdk.catalogs.create("told", comment="first", properties={"a": "b"})
    changed = sdk.catalogs.update("Told", comment="second", owner="someone")
    assert (changed.comment, changed.owner, changed.properties) == ("second", "someone", {"a": "b"})
    assert sdk.schemas.update("told.default", comment="its schema").comment == "its schema"
    assert [each.name for each in sdk.schemas.list("told")] == ["default", "information_schema"]
    create(sdk, "told.default.t")
    with pytest.raises(BadRequest, match="it is not empty"):
        sdk.catalogs.delete("told")
    sdk.catalogs.delete("told", force=True)


def test_privileges_are_kept_and_inherited(sdk: WorkspaceClient) -> None:
    create(sdk, "main.default.granted")
    sdk.grants.update(
        "table",
        "main.default.Granted",
        changes=[uc.PermissionsChange(principal="readers", add=[uc.Privilege.SELECT, uc.Privilege.MODIFY])],
    )
    sdk.grants.update(
        "table",
        "main.default.granted",
        changes=[uc.PermissionsChange(principal="readers", remove=[uc.Privilege.MODIFY])],
    )
    sdk.grants.update(
        "catalog", "main", changes=[uc.PermissionsChange(principal="readers", add=[uc.Privilege.USE_CATALOG])]
    )
    assigned = sdk.grants.get("table", "main.default.granted").privilege_assignments or []
    assert [(each.principal, each.privileges) for each in assigned] == [("readers", [uc.Privilege.SELECT])]
    effective = sdk.grants.get_effective("table", "main.default.granted", principal="readers")
    held = (effective.privilege_assignments or [])[0].privileges or []
    assert {(each.privilege, each.inherited_from_name) for each in held} == {
        (uc.Privilege.USE_CATALOG, "main"),
        (uc.Privilege.SELECT, None),
    }
    with pytest.raises(InvalidParameterValue, match="not applicable"):
        sdk.grants.update(
            "table",
            "main.default.granted",
            changes=[uc.PermissionsChange(principal="readers", add=[uc.Privilege.USE_CATALOG])],
        )
    sdk.tables.delete("main.default.granted")
    create(sdk, "main.default.granted")
    assert sdk.grants.get("table", "main.default.granted").privilege_assignments == []
    sdk.tables.delete("main.default.granted")


def test_the_metastore(sdk: WorkspaceClient) -> None:
    current, summary = sdk.metastores.current(), sdk.metastores.summary()
    assert current.metastore_id == summary.metastore_id
    assert (current.workspace_id, current.default_catalog_name) == (sdk.get_workspace_id(), "main")
    assert [each.metastore_id for each in sdk.metastores.list()] == [summary.metastore_id]
    assert sdk.metastores.get(summary.metastore_id or "").name == summary.name


def test_hive_metastore_has_its_files_below_its_warehouse(sdk: WorkspaceClient) -> None:
    made = sdk.schemas.create("sales", "hive_metastore")
    assert made.storage_location == "dbfs:/user/hive/warehouse/sales.db"
    assert create(sdk, "hive_metastore.default.Plain").storage_location == "dbfs:/user/hive/warehouse/plain"
    in_schema = create(sdk, "hive_metastore.sales.orders").storage_location
    assert in_schema == "dbfs:/user/hive/warehouse/sales.db/orders"
    assert any("_delta_log" in (each.path or "") for each in sdk.dbfs.list(in_schema))
    with pytest.raises(InvalidParameterValue, match="is not a valid name"):
        create(sdk, "hive_metastore.default.größe")
    sdk.tables.delete("hive_metastore.default.plain")
    assert not sdk.dbfs.exists("/user/hive/warehouse/plain")
    sdk.schemas.delete("hive_metastore.sales", force=True)
    with pytest.raises(InvalidParameterValue, match="cannot be deleted"):
        sdk.catalogs.delete("hive_metastore", force=True)


def test_the_pages_of_the_catalog(lab: Lab, sdk: WorkspaceClient) -> None:
    create(sdk, "main.default.50%<b>")
    url = lab.workspace.url
    with httpx.Client(base_url=url, trust_env=False, follow_redirects=True, timeout=30) as browser:
        browser.post("/login", data={"token": lab.workspace.token})
        for path in ("/catalog", "/catalog/main/default"):
            page = HtmlPage(browser.get(path).text)
            assert "/catalog" in [link.get("href") for link in page.all(".//nav/a")]
        [link] = [each for each in page.all(".//section[@id='tables']//a") if each.text == "50%<b>"]
        shown = HtmlPage(browser.get(link.get("href", "")).text)
        assert shown.texts(".//h1") == ["50%<b>"]
        assert shown.texts(".//section[@id='columns']//td")[:2] == ["Id", "int"]
        assert shown.texts(".//section[@id='history']//td")[2] == "CREATE TABLE"
        assert browser.get("/catalog/main/default/nothing").status_code == 404
        assert browser.get("/catalog/nothing/default").status_code == 404
    lab.http.delete("/api/2.1/unity-catalog/tables/main.default.50%25%3Cb%3E")


def test_a_schema_says_where_its_tables_are(sdk: WorkspaceClient) -> None:
    sdk.schemas.create("placed", "hive_metastore", storage_root="dbfs:/lessons/placed.db")
    assert sdk.schemas.get("hive_metastore.placed").storage_root == "dbfs:/lessons/placed.db"
    assert create(sdk, "hive_metastore.placed.t").storage_location == "dbfs:/lessons/placed.db/t"
    sdk.schemas.delete("hive_metastore.placed", force=True)
    assert not sdk.dbfs.exists("/lessons/placed.db/t")
    sdk.catalogs.create("placed", storage_root="dbfs:/placed")
    table = create(sdk, "placed.default.t")
    assert table.storage_location == f"dbfs:/placed/__unitystorage/{table.table_id}"
    sdk.catalogs.delete("placed", force=True)
    assert list(sdk.dbfs.list("/placed/__unitystorage")) == []
    with pytest.raises(InvalidParameterValue, match="not supported in hive_metastore"):
        sdk.volumes.create("hive_metastore", "default", "v", uc.VolumeType.MANAGED)
