"""Privileges on what is in the catalog, and on the metastore. They are kept and shown, not enforced."""

from dataclasses import dataclass

from databricks_local.api.bodies import Json, read_objects, read_required_string, read_string_list
from databricks_local.api.errors import invalid_parameter
from databricks_local.catalog.names import parts_of
from databricks_local.catalog.tables import Tables
from databricks_local.catalog.unity_catalog import CATALOG, LEVELS, SCHEMA, VOLUME, Catalog, Level
from databricks_local.storage.documents import Documents

METASTORE = "metastore"
KEPT = "grants"
LEVEL_OF = {"catalog": CATALOG, "schema": SCHEMA, "volume": VOLUME}
TABLE_TYPES = ("table", "view")

_DATA = "SELECT MODIFY REFRESH READ_VOLUME WRITE_VOLUME EXECUTE"
_MAKE = "CREATE_TABLE CREATE_VIEW CREATE_VOLUME CREATE_FUNCTION CREATE_MODEL CREATE_MATERIALIZED_VIEW"
_ANY = "ALL_PRIVILEGES APPLY_TAG BROWSE MANAGE"
_OLD = "CREATE USAGE"
_SCHEMA = f"{_DATA} {_MAKE} {_ANY} {_OLD} USE_SCHEMA EXTERNAL_USE_SCHEMA"
_METASTORE = (
    "CREATE_CATALOG CREATE_CONNECTION CREATE_EXTERNAL_LOCATION CREATE_STORAGE_CREDENTIAL CREATE_SHARE "
    "CREATE_RECIPIENT CREATE_PROVIDER USE_CONNECTION USE_PROVIDER USE_RECIPIENT USE_SHARE "
    "SET_SHARE_PERMISSION USE_MARKETPLACE_ASSETS MANAGE_ALLOWLIST CREATE_CLEAN_ROOM"
)

PRIVILEGES = {
    kind: frozenset(names.split())
    for kind, names in {
        METASTORE: _METASTORE,
        "catalog": f"{_SCHEMA} USE_CATALOG CREATE_SCHEMA",
        "schema": _SCHEMA,
        "table": f"SELECT MODIFY {_ANY}",
        "view": f"SELECT {_ANY}",
        "volume": f"READ_VOLUME WRITE_VOLUME {_ANY}",
    }.items()
}
"""Docs: Unity Catalog privileges and securable objects. What is granted above holds for what is below."""


@dataclass(frozen=True)
class Securable:
    """What privileges are on.

    Attributes:
        kind: Its type, as the API names it.
        names: The names that lead to it; none for the metastore.
    """

    kind: str
    names: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """Its name with periods."""
        return ".".join(self.names)


class Grants:
    """The privileges, kept with what they are on, so that they are gone with it."""

    def __init__(self, catalog: Catalog, tables: Tables, documents: Documents, metastore_id: str) -> None:
        self._catalog = catalog
        self._tables = tables
        self._documents = documents
        self._metastore_id = metastore_id

    def get(self, kind: str, full_name: str, principal: str) -> Json:
        """The privileges that were granted on it.

        Args:
            kind: Its type.
            full_name: Its name.
            principal: Whose privileges; empty for all.
        """
        return _shown(self._kept(self._securable(kind, full_name)), principal)

    def effective(self, kind: str, full_name: str, principal: str) -> Json:
        """The privileges that hold on it, with those that were granted above."""
        securable = self._securable(kind, full_name)
        held: dict[str, list[Json]] = {}
        for level in [*self._above(securable), securable]:
            inherited = {} if level == securable else _origin(level)
            for who, privileges in self._kept(level).items():
                held.setdefault(who, []).extend({"privilege": each, **inherited} for each in privileges)
        assigned = [
            {"principal": who, "privileges": privileges}
            for who, privileges in sorted(held.items())
            if principal in ("", who)
        ]
        return {"privilege_assignments": assigned} if assigned else {}

    def change(self, kind: str, full_name: str, body: Json) -> Json:
        """Grant and revoke; what is granted twice, or revoked without having been granted, is no error."""
        securable = self._securable(kind, full_name)
        kept = changed(self._kept(securable), read_objects(body, "changes"), kind)
        if kind == METASTORE:
            self._documents.put(METASTORE, KEPT, kept)
        elif kind in TABLE_TYPES:
            self._tables.keep(securable.names, {KEPT: kept})
        else:
            self._catalog.keep(LEVEL_OF[kind], securable.names, {KEPT: kept})
        return _shown(kept, "")

    def _securable(self, kind: str, full_name: str) -> Securable:
        if kind == METASTORE:
            if full_name != self._metastore_id:
                raise invalid_parameter(f"Metastore '{full_name[:100]}' is not that of this workspace.")
            return Securable(kind, ())
        if kind in TABLE_TYPES:
            names = parts_of(full_name)
            self._tables.record(names)
            return Securable(kind, names)
        if kind not in LEVEL_OF:
            raise invalid_parameter(f"'{kind[:100]}' is not a type of object with privileges here.")
        return Securable(kind, self._catalog.existing(LEVEL_OF[kind], parts_of(full_name)))

    def _kept(self, securable: Securable) -> dict[str, list[str]]:
        kept: dict[str, list[str]]
        if securable.kind == METASTORE:
            kept = self._documents.get(METASTORE, KEPT) or {}
        elif securable.kind in TABLE_TYPES:
            kept = self._tables.record(securable.names).get(KEPT, {})
        else:
            kept = self._catalog.kept(LEVEL_OF[securable.kind], securable.names).get(KEPT, {})
        return kept

    def _above(self, securable: Securable) -> list[Securable]:
        if securable.kind == METASTORE:
            return []
        below: list[Level] = [level for level in LEVELS if level.depth < len(securable.names)]
        return [Securable(level.kind, securable.names[: level.depth]) for level in below]


def changed(kept: dict[str, list[str]], changes: list[Json], kind: str) -> dict[str, list[str]]:
    """The privileges by principal after changes.

    Raises:
        ApiError: If a change names no principal, or a privilege that there is not on such objects.

    Example:
        >>> changed({"a": ["SELECT"]}, [{"principal": "a", "add": ["MODIFY"], "remove": ["SELECT"]}], "table")
        {'a': ['MODIFY']}
    """
    after = {who: list(privileges) for who, privileges in kept.items()}
    for change in changes:
        who = read_required_string(change, "principal")
        add, remove = (
            [_known(privilege, kind) for privilege in read_string_list(change, name)]
            for name in ("add", "remove")
        )
        if "ALL_PRIVILEGES" in remove:
            remove = [*after.get(who, []), *remove]
        left = dict.fromkeys([*after.pop(who, []), *add])
        privileges = [privilege for privilege in left if privilege in add or privilege not in remove]
        if privileges:
            after[who] = privileges
    return after


def _known(privilege: str, kind: str) -> str:
    name = privilege.strip().upper().replace(" ", "_")
    if name not in PRIVILEGES[kind]:
        raise invalid_parameter(
            f"Privilege {privilege[:100]} is not applicable to this entity [{kind.upper()}]."
        )
    return name


def _shown(kept: dict[str, list[str]], principal: str) -> Json:
    assigned = [
        {"principal": who, "privileges": privileges}
        for who, privileges in sorted(kept.items())
        if principal in ("", who)
    ]
    return {"privilege_assignments": assigned} if assigned else {}


def _origin(securable: Securable) -> Json:
    return {"inherited_from_type": securable.kind.upper(), "inherited_from_name": securable.full_name}
