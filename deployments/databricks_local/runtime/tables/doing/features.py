"""The features of Delta that a table needs, and the protocol that says so. Pure.

Writers that do not know a feature would break its rules, as the values of identity columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from databricks_local.runtime.tables.delta.commits import PROTOCOL
from databricks_local.runtime.tables.delta.log import Action
from databricks_local.runtime.tables.delta.schema import Field
from databricks_local.runtime.tables.doing.columns import DEFAULT, GENERATED, IDENTITY_START

MAPPING_MODE = "delta.columnMapping.mode"
CONSTRAINT = "delta.constraints."

# Delta protocol: the versions of readers and writers that know a feature without its name.
_VERSIONS = {
    "appendOnly": (1, 2),
    "invariants": (1, 2),
    "checkConstraints": (1, 3),
    "changeDataFeed": (1, 4),
    "generatedColumns": (1, 4),
    "columnMapping": (2, 5),
    "identityColumns": (1, 6),
}
_READ = frozenset({"columnMapping", "timestampNtz"})
"""Those that readers have to know."""

_OF_FIELDS = {
    GENERATED: "generatedColumns",
    IDENTITY_START: "identityColumns",
    DEFAULT: "allowColumnDefaults",
}
_WITH_NAMES = (3, 7)


def features_of(properties: Mapping[str, str], fields: Sequence[Field]) -> set[str]:
    """The features that properties and columns need."""
    features = {name for field in fields for key, name in _OF_FIELDS.items() if key in field["metadata"]}
    if properties.get(MAPPING_MODE, "none") != "none":
        features.add("columnMapping")
    if any(name.startswith(CONSTRAINT) for name in properties):
        features.add("checkConstraints")
    if any(kind == "timestamp_ntz" for field in fields for kind in _types(field["type"])):
        features.add("timestampNtz")
    return features


def protocol_for(properties: Mapping[str, str], fields: Sequence[Field], before: Action = PROTOCOL) -> Action:
    """The protocol that properties and columns need.

    Args:
        properties: The properties of the table.
        fields: Its columns.
        before: What it has; that stays.

    Example:
        >>> protocol_for({"delta.constraints.positive": "a > 0"}, ())
        {'minReaderVersion': 1, 'minWriterVersion': 3}
    """
    reader, writer = int(before.get("minReaderVersion", 1)), int(before.get("minWriterVersion", 2))
    has_names = writer >= _WITH_NAMES[1]
    needed = features_of(properties, fields)
    if has_names and needed <= {*(before.get("writerFeatures") or ())}:
        return before
    if not has_names and needed <= _VERSIONS.keys():
        versions = [(reader, writer), *(_VERSIONS[name] for name in needed)]
        return {
            "minReaderVersion": max(each[0] for each in versions),
            "minWriterVersion": max(each[1] for each in versions),
        }
    writers = {*(before.get("writerFeatures") or ()), *needed}
    if not has_names:
        writers |= {"appendOnly", "invariants"}
    readers = {*(before.get("readerFeatures") or ()), *(writers & _READ)}
    named: Action = {
        "minReaderVersion": 1,
        "minWriterVersion": _WITH_NAMES[1],
        "writerFeatures": sorted(writers),
    }
    return (
        {**named, "minReaderVersion": _WITH_NAMES[0], "readerFeatures": sorted(readers)} if readers else named
    )


def _types(kind: Any) -> Iterator[str]:
    """The plain types in a type."""
    if isinstance(kind, str):
        yield kind
        return
    for name in ("elementType", "keyType", "valueType"):
        if name in kind:
            yield from _types(kind[name])
    for field in kind.get("fields", ()):
        yield from _types(field["type"])
