"""Tables of any name, column, place and property: made, and then they can be read, or refused."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from databricks_local.catalog.names import unquoted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .workspace_lab import Lab

API = "/api/2.1/unity-catalog"
SAIL = "/local/sail/api/2.1/unity-catalog"

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
letters = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=20)
names = st.one_of(
    st.sampled_from(["t", "T", "größe", "`q`", "a-b", "..", "%2e", "a'b"]),
    letters.filter(lambda name: not set(name) & set("./`")),
    letters.filter(lambda name: not set(name) & set("./`")),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
)
plain_types = st.sampled_from(
    [
        "int",
        "STRING",
        "decimal(5,2)",
        "timestamp",
        "timestamp_ntz",
        "date",
        "binary",
        "void",
        "char(3)",
        "variant",
    ]
)
types = st.recursive(
    plain_types,
    lambda inner: st.one_of(
        inner.map(lambda kind: f"array<{kind}>"),
        st.tuples(inner, inner).map(lambda pair: f"map<{pair[0]},{pair[1]}>"),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda kinds: "struct<" + ",".join(f"f{i}:{kind}" for i, kind in enumerate(kinds)) + ">"
        ),
    ),
    max_leaves=6,
)
columns = st.fixed_dictionaries(
    {"name": names, "type_text": types},
    optional={
        "nullable": st.booleans(),
        "comment": st.text(max_size=10),
        "partition_index": st.integers(0, 2),
        "position": st.integers(0, 3),
        "type_json": st.one_of(types.map(json.dumps), types, anything.map(json.dumps)),
    },
)
places = st.one_of(
    st.sampled_from(
        [
            "dbfs:/p/one",
            "/p/two",
            "dbfs:/p/a b",
            "file:/dbfs/p/three",
            "dbfs:/..",
            "s3:",
            "file:",
            "DBFS:/p/four",
        ]
    ),
    st.sampled_from(["C:/x", "foo://x/y", "x:", "/Volumes/nosuch/a/b/t", "dbfs:/Volumes/main", "/Volumes"]),
    st.sampled_from(
        ["file:{root}", "file:{root}/tables", "file:{root}/tables/x/y", "file:{root}/..", "{other}"]
    ),
    st.text(st.characters(codec="utf-8"), max_size=20).map(lambda text: f"dbfs:/p/{text}"),
)
properties = st.dictionaries(
    st.sampled_from(
        ["a", "delta.appendOnly", "delta.columnMapping.mode", "delta.minReaderVersion", "delta.nothing", ""]
    ),
    st.sampled_from(["true", "name", "id", "3", "", "ü"]),
    max_size=2,
)
some_columns = st.lists(columns, min_size=1, max_size=4, unique_by=lambda column: column["name"].lower())
managed = st.fixed_dictionaries(
    {
        "catalog_name": st.sampled_from(["main", "MAIN", "hive_metastore"]),
        "schema_name": st.just("Default"),
        "name": names,
        "columns": some_columns,
        "table_type": st.just("MANAGED"),
        "data_source_format": st.just("DELTA"),
    },
    optional={"properties": properties, "comment": st.text(max_size=20)},
)
external = st.fixed_dictionaries(
    {
        "catalog_name": st.just("main"),
        "schema_name": st.just("default"),
        "name": names,
        "columns": some_columns,
        "table_type": st.just("EXTERNAL"),
        "data_source_format": st.sampled_from(["DELTA", "CSV", "PARQUET"]),
        "storage_location": places,
    },
)
others = st.fixed_dictionaries(
    {
        "catalog_name": st.sampled_from(["main", "hive_metastore", "none"]),
        "schema_name": st.sampled_from(["default", "information_schema", "none"]),
        "name": names,
    },
    optional={
        "columns": st.lists(columns | st.just({}), max_size=4),
        "table_type": st.sampled_from(["MANAGED", "EXTERNAL", "VIEW", "other"]),
        "data_source_format": st.sampled_from(["DELTA", "PARQUET", "CSV", "ICEBERG"]),
        "storage_location": places,
        "properties": properties,
        "comment": st.text(max_size=20),
        "view_definition": st.sampled_from(["SELECT 1", ""]),
    },
)
requests = st.one_of(managed, managed, external, others)
volumes = st.fixed_dictionaries(
    {
        "catalog_name": st.sampled_from(["main", "Main", "hive_metastore", "none"]),
        "schema_name": st.sampled_from(["default", "Default", "information_schema", "none"]),
        "name": names,
        "volume_type": st.sampled_from(["MANAGED", "EXTERNAL", "other"]),
    },
    optional={"storage_location": places, "comment": st.text(max_size=20)},
)
often = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code < 500, answer.text
    body: dict[str, Any] = answer.json()
    if answer.status_code >= 400:
        assert set(body) == {"error_code", "message"}
    return body


OTHER = {
    "catalog_name": "main",
    "schema_name": "default",
    "name": "other",
    "columns": [{"name": "id", "type_text": "int"}],
}


@pytest.fixture(scope="module")
def other(lab: Lab) -> Iterator[str]:
    """Where another managed table is, which stays as it is."""
    # Tests of other modules have the same workspace.
    before = names_in(lab)
    location: str = lab.post(f"{API}/tables", OTHER).json()["storage_location"]
    yield location
    assert [column["name"] for column in lab.get(f"{API}/tables/main.default.other").json()["columns"]] == [
        "id"
    ]
    assert lab.http.delete(f"{API}/tables/main.default.other").status_code == 200
    # Nothing else came into being beside what was asked for.
    assert names_in(lab) == before


def names_in(lab: Lab) -> list[list[str | None]]:
    """The catalogs, and the schemas of `main`."""
    return [
        [each.name for each in listed] for listed in (lab.sdk.catalogs.list(), lab.sdk.schemas.list("main"))
    ]


@pytest.mark.parametrize("api", [API, SAIL])
@often
@given(request=requests)
def test_what_is_made_can_be_read_and_removed(
    lab: Lab, other: str, api: str, request: dict[str, Any]
) -> None:
    if "storage_location" in request:
        place = (
            request["storage_location"].replace("{root}", str(lab.workspace.root)).replace("{other}", other)
        )
        request = {**request, "storage_location": place}
    if api == SAIL and "storage_location" not in request:
        staged = check(lab.post(f"{api}/staging-tables", request))
        request = {**request, "storage_location": staged.get("staging_location", "")}
    answer = lab.post(f"{api}/tables", request)
    made = check(answer)
    if answer.status_code != 200:
        return
    assert made["schema_name"] == "default"
    assert request.get("storage_location") != other
    quoted = "`{}`".format(made["name"].replace("`", "``"))
    path = f"/tables/{made['catalog_name']}.{made['schema_name']}.{quote(quoted, safe='')}"
    shown = check(lab.get(f"{API}{path}"))
    assert shown["name"] == unquoted(request["name"])
    if shown["table_type"] == "MANAGED":
        assert shown["columns"], shown.get("comment")
        given_names = sorted(column["name"] for column in request["columns"])
        assert sorted(column["name"] for column in shown["columns"]) == given_names
    listed = lab.get(f"{API}/tables", catalog_name=made["catalog_name"], schema_name=made["schema_name"])
    assert made["name"] in [table["name"] for table in check(listed)["tables"]]
    assert lab.http.delete(f"{api}{path}").status_code == 200
    assert check(lab.get(f"{API}{path}/exists")) == {"table_exists": False}


@often
@given(request=volumes)
def test_volumes_of_any_name(lab: Lab, other: str, request: dict[str, Any]) -> None:
    answer = lab.post(f"{API}/volumes", request)
    made = check(answer)
    if answer.status_code != 200:
        return
    path = f"{API}/volumes/{quote(made['full_name'], safe='')}"
    assert check(lab.get(path))["name"] == request["name"]
    assert lab.http.delete(path).status_code == 200
