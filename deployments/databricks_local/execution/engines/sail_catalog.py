"""How Sail is told of the workspace's catalog. Pure.

Each catalog is a provider of its own, so that `USE CATALOG` knows it. A catalog that is made later has none:
its tables are found by names of three parts, which Sail hands to the provider of the session's catalog.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from databricks_local.catalog.names import HIVE

DEFAULT_CATALOG = "main"
INITIAL_CATALOG = "spark.databricks.sql.initial.catalog.name"
SPARK_CATALOG = "spark_catalog"
"""Docs: another name of `hive_metastore`."""

RESERVED = "system"
"""A catalog that Sail has itself."""

_PREFIXES = ("DATABRICKS_", "UNITY_", "UC_")
_OVERRIDING = ("HOST", "WORKSPACE_URL", "TOKEN", "ACCESS_TOKEN")


@dataclass(frozen=True)
class CatalogAccess:
    """How a cluster reaches the catalog.

    Attributes:
        origin: Where the workspace is reached.
        token: The token of the cluster.
        catalogs: The names of the catalogs.
    """

    origin: str
    token: str = field(repr=False)
    catalogs: tuple[str, ...]


def initial_catalog(spark_conf: Mapping[str, str]) -> str:
    """The catalog that a session begins in.

    Example:
        >>> initial_catalog({"spark.databricks.sql.initial.catalog.name": "hive_metastore"})
        'hive_metastore'
    """
    return spark_conf.get(INITIAL_CATALOG, "").strip("`").lower() or DEFAULT_CATALOG


def catalog_settings(access: CatalogAccess, initial: str) -> dict[str, str]:
    """The variables by which a Sail server finds the catalog.

    Args:
        access: How it is reached.
        initial: The catalog that a session begins in.
    """
    uri = f"{access.origin}/local/sail/api/2.1/unity-catalog"
    names = dict.fromkeys([*access.catalogs, HIVE, DEFAULT_CATALOG, initial])
    providers = {name: name for name in names if name != RESERVED} | {SPARK_CATALOG: HIVE}
    listed = ", ".join(
        f'{{type="unity", name={_quoted(name)}, uri={_quoted(uri)}, '
        f"default_catalog={_quoted(catalog)}, token={_quoted(access.token)}}}"
        for name, catalog in providers.items()
    )
    return {"SAIL_CATALOG__LIST": f"[{listed}]", "SAIL_CATALOG__DEFAULT_CATALOG": initial}


def hiding_the_catalog(environment: Iterable[str]) -> list[str]:
    """The variables by which Sail would take another catalog for this one.

    Example:
        >>> hiding_the_catalog(["DATABRICKS_HOST", "DATABRICKS_RUNTIME_VERSION", "uc_token"])
        ['DATABRICKS_HOST', 'uc_token']
    """
    names = {prefix + rest for prefix in _PREFIXES for rest in _OVERRIDING}
    return [name for name in environment if name.upper() in names]


def _quoted(text: str) -> str:
    """A text as Sail reads it: it does not know the pairs of escapes for what is far up in Unicode."""
    return json.dumps(text, ensure_ascii=False)
