"""Permissions of objects. They are stored and shown, not enforced: the one user may do everything."""

from databricks_local.api.bodies import Json, read_objects, read_string
from databricks_local.api.errors import invalid_parameter
from databricks_local.storage.documents import Documents

KIND = "permissions"
PRINCIPALS = ("user_name", "group_name", "service_principal_name")

LEVELS_BY_TYPE = {
    "jobs": ("CAN_VIEW", "CAN_MANAGE_RUN", "IS_OWNER", "CAN_MANAGE"),
    "clusters": ("CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE"),
    "notebooks": ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),
    "directories": ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),
    "files": ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),
    "repos": ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"),
    "instance-pools": ("CAN_ATTACH_TO", "CAN_MANAGE"),
    "cluster-policies": ("CAN_USE",),
    "warehouses": ("CAN_VIEW", "CAN_MONITOR", "CAN_USE", "IS_OWNER", "CAN_MANAGE"),
}
"""What may be granted on which type of object (docs: Permissions API)."""

OWNED = ("jobs", "warehouses")
"""What has an owner."""


class Permissions:
    """The access control lists."""

    def __init__(self, documents: Documents, user: str) -> None:
        self._documents = documents
        self._user = user

    def get(self, kind: str, object_id: str) -> Json:
        """The list of an object, as the API shows it."""
        kept = self._documents.get(KIND, f"/{kind}/{object_id}")
        entries = kept["entries"] if kept else self._initial(kind)
        shown = [_entry_json(entry) for entry in entries]
        admins = {
            "group_name": "admins",
            "all_permissions": [
                {
                    "permission_level": LEVELS_BY_TYPE[kind][-1],
                    "inherited": True,
                    "inherited_from_object": [f"/{kind}/"],
                }
            ],
        }
        return {
            "object_id": f"/{kind}/{object_id}",
            "object_type": kind.removesuffix("s").removesuffix("ie") + ("y" if kind.endswith("ies") else ""),
            "access_control_list": [*shown, admins],
        }

    def set(self, kind: str, object_id: str, body: Json) -> Json:
        """Replace the list. A job keeps an owner (docs: a job has exactly one)."""
        entries = self._read(kind, body)
        self._put(kind, object_id, entries)
        return self.get(kind, object_id)

    def update(self, kind: str, object_id: str, body: Json) -> Json:
        """Change the entries of the named principals, and keep the others."""
        changes = self._read(kind, body)
        kept = self._documents.get(KIND, f"/{kind}/{object_id}")
        named = {_principal(entry) for entry in changes}
        others = [
            entry
            for entry in (kept["entries"] if kept else self._initial(kind))
            if _principal(entry) not in named
        ]
        self._put(kind, object_id, [*others, *changes])
        return self.get(kind, object_id)

    def _put(self, kind: str, object_id: str, entries: list[Json]) -> None:
        owners = [entry for entry in entries if entry["permission_level"] == "IS_OWNER"]
        if kind == "jobs" and len(owners) != 1:
            # Source: databricks/cli#4466, terraform-provider-databricks#303.
            raise invalid_parameter("The job must have exactly one owner.")
        self._documents.put(KIND, f"/{kind}/{object_id}", {"entries": entries})

    def _initial(self, kind: str) -> list[Json]:
        level = "IS_OWNER" if kind in OWNED else LEVELS_BY_TYPE[kind][-1]
        return [{"user_name": self._user, "permission_level": level}]

    def _read(self, kind: str, body: Json) -> list[Json]:
        entries = []
        for entry in read_objects(body, "access_control_list"):
            names = {name: read_string(entry, name) for name in PRINCIPALS if read_string(entry, name)}
            level = read_string(entry, "permission_level")
            if len(names) != 1:
                raise invalid_parameter(f"Exactly one of {', '.join(PRINCIPALS)} must be specified.")
            if level not in LEVELS_BY_TYPE[kind]:
                raise invalid_parameter(
                    f"Permission type ({level[:100]}) is not defined. "
                    f"Allowed for {kind}: {', '.join(LEVELS_BY_TYPE[kind])}."
                )
            entries.append({**names, "permission_level": level})
        return entries


def _principal(entry: Json) -> tuple[str, str]:
    return next((name, entry[name]) for name in PRINCIPALS if name in entry)


def _entry_json(entry: Json) -> Json:
    name, value = _principal(entry)
    level = {"permission_level": entry["permission_level"], "inherited": False}
    return {name: value, "display_name": value, "all_permissions": [level]}
