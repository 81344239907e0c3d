"""What the pages of the catalog say."""

from typing import Any

from databricks_local.catalog.delta_log import DeltaState
from databricks_local.catalog.looking import Look
from databricks_local.catalog.records import Table
from databricks_local.pages.catalog import (
    CatalogSection,
    catalog_page,
    schema_page,
    schema_row,
    table_page,
    table_row,
)

from tests.unit.databricks_local.pages.html_reader import HtmlPage


def make_table(text: str = "t", **record: Any) -> Table:
    fields = ({"name": text, "type": "integer", "nullable": False, "metadata": {"comment": text}},)
    state = DeltaState(3, fields, (text,), {text: text}, text, "id")
    kept = {"table_type": "MANAGED", "data_source_format": "DELTA", "storage_location": text, "owner": text}
    return Table((text, text, text), {**kept, "created_at": 1, **record}, state)


def look_full_of(text: str) -> Look:
    commit = {"version": 3, "timestamp": 1, "operation": text, "operationParameters": {text: text}}
    return Look((text,), ((text,), (None,)), (commit, {"version": 0}))


def test_the_catalogs_and_what_is_in_them() -> None:
    schema = {"name": "a b", "catalog_name": "main", "comment": "told"}
    page = HtmlPage(catalog_page([CatalogSection("main", "", [schema_row(schema, 2, 1)])]))
    assert page.texts(".//td") == ["a b", "2", "1", "told"]
    assert [link.get("href") for link in page.all(".//td/a")] == ["/catalog/main/a%20b"]


def test_the_tables_and_volumes_of_a_schema() -> None:
    volume = {"name": "v", "storage_location": "dbfs:/v"}
    page = HtmlPage(schema_page(("main", "s"), [table_row(make_table())], 2, [volume]))
    assert page.texts(".//section[@id='tables']//td")[:3] == ["t", "MANAGED", "DELTA"]
    assert page.texts(".//section[@id='volumes']//td") == ["v", "dbfs:/v", ""]
    assert "1 of 2 tables." in page.texts(".//section[@id='tables']/p")
    assert "There is no table." in HtmlPage(schema_page(("main", "s"), [], 0, [])).texts(".//p")


def test_a_table_shows_columns_rows_and_history() -> None:
    page = HtmlPage(table_page(make_table(), look_full_of("x")))
    assert page.texts(".//section[@id='columns']//td") == ["t", "int (partition)", "not null", "t"]
    assert page.texts(".//table[@class='data']//td") == ["x", "null"]
    assert page.texts(".//section[@id='history']//td") == [
        "3", "1970-01-01 00:00:00 UTC", "x", "x: x", "", "0", "", "", "", "",
    ]  # fmt: skip


def test_a_view_has_its_query_and_no_rows() -> None:
    view = Table(("main", "s", "v"), {"table_type": "VIEW", "view_definition": "SELECT 1"}, None)
    page = HtmlPage(table_page(view, Look()))
    assert page.texts(".//section[@id='query']/pre") == ["SELECT 1"]
    assert not page.all(".//section[@id='rows']")


def test_rows_that_cannot_be_read_are_said() -> None:
    page = HtmlPage(table_page(make_table(), Look(problem="Not here.")))
    assert page.texts(".//section[@id='rows']/p") == ["Not here."]
