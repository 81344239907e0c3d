"""How Sail is told of the catalog."""

from databricks_local.execution.engines.sail_catalog import (
    CatalogAccess,
    catalog_settings,
    hiding_the_catalog,
    initial_catalog,
)

ACCESS = CatalogAccess("http://127.0.0.1:1", "a-token", ("main", "sales", "system"))


def test_each_catalog_is_a_provider() -> None:
    settings = catalog_settings(ACCESS, "main")
    listed = settings["SAIL_CATALOG__LIST"]
    for name in ("main", "sales", "hive_metastore"):
        assert f'name="{name}"' in listed
    assert 'name="system"' not in listed
    assert 'name="spark_catalog"' in listed
    assert listed.count('default_catalog="hive_metastore"') == 2
    assert 'uri="http://127.0.0.1:1/local/sail/api/2.1/unity-catalog"' in listed
    assert settings["SAIL_CATALOG__DEFAULT_CATALOG"] == "main"


def test_the_token_is_not_in_what_is_logged() -> None:
    assert "a-token" not in repr(ACCESS)


def test_a_session_begins_in_the_catalog_that_its_cluster_names() -> None:
    name = "spark.databricks.sql.initial.catalog.name"
    assert [initial_catalog(conf) for conf in ({}, {name: "Hive_Metastore"}, {name: "`a-b`"})] == [
        "main", "hive_metastore", "a-b",
    ]  # fmt: skip
    assert 'name="a-b"' in catalog_settings(ACCESS, "a-b")["SAIL_CATALOG__LIST"]


def test_variables_of_a_cluster_do_not_lead_sail_elsewhere() -> None:
    given = ["DATABRICKS_HOST", "databricks_token", "UC_WORKSPACE_URL", "DATABRICKS_RUNTIME_VERSION", "HOST"]
    assert hiding_the_catalog(given) == given[:3]
