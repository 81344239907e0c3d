"""The events that messages of pipes become. Pure.

The same message makes the same event, with the same id, however often it is read: Prefect keeps it once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

from databricks_blocks.pipes.metadata import Metadata, json_safe
from databricks_blocks.pipes.protocol import AssetCheck, CustomMessage, Materialization, asset_key_parts
from databricks_blocks.pipes.received import Received
from databricks_blocks.safe_text import one_line

MATERIALIZED = "prefect.asset.materialization.succeeded"
CHECK_PASSED = "databricks.asset.check.passed"
CHECK_FAILED = "databricks.asset.check.failed"
MESSAGE = "databricks.pipes.message"

_URI = re.compile(r"[a-z0-9]+://.")
# What Prefect takes in no key of an asset.
_FORBIDDEN = re.compile(r"""[\s#?&%"'<>\[\]{}|\\^`\x00-\x1f\x7f-\x9f\ud800-\udfff]""")
_LONGEST_KEY = 512
_MOST_UPSTREAM = 50


@dataclass(frozen=True)
class Origin:
    """Where messages come from.

    Attributes:
        host: Address of the workspace.
        directory: Where the messages were read.
        task_key: Key of the task.
        page: Page of the attempt in the workspace.
        partition_key: The partition that the code works on.
        related: The task run that shows the task.
    """

    host: str
    directory: str
    task_key: str = ""
    page: str = ""
    partition_key: str = ""
    related: tuple[Mapping[str, str], ...] = field(default=())

    @property
    def netloc(self) -> str:
        """The workspace's name in ids."""
        return urlsplit(self.host).netloc or self.host


def asset_id(key: str, netloc: str) -> str:
    """Make the id of an asset in Prefect.

    Args:
        key: As the code gave it: a URI, or parts between slashes.
        netloc: Name of the workspace.

    Examples:
        >>> from databricks_flows.pipes.events import asset_id
        >>> asset_id("main/sales/daily", "adb-1.azuredatabricks.net")
        'databricks://adb-1.azuredatabricks.net/main/sales/daily'
        >>> asset_id("s3://bucket/sales", "adb-1.azuredatabricks.net")
        's3://bucket/sales'
    """
    uri = key if _URI.match(key) else f"databricks://{netloc}/{'/'.join(asset_key_parts(key))}"
    return _FORBIDDEN.sub("-", uri)[:_LONGEST_KEY]


def event_of(received: Received, origin: Origin) -> dict[str, Any] | None:
    """Make the arguments of `emit_event`; `None`: the message is no event.

    Args:
        received: The message.
        origin: Where it comes from.
    """
    match received.message:
        case Materialization() as made:
            event = _materialized(made, origin)
        case AssetCheck() as check:
            event = _checked(check, origin)
        case CustomMessage() as custom:
            event = {
                "event": MESSAGE,
                "resource": {
                    "prefect.resource.id": f"databricks.pipes.{origin.directory.strip('/')}",
                    "prefect.resource.name": origin.task_key or "pipes",
                    "databricks.task": origin.task_key,
                },
                "payload": {"message": json_safe(custom.payload)},
                "related": [],
            }
        case _:
            return None
    event["related"] += [dict(related) for related in origin.related]
    return {**event, "occurred": received.time, "id": event_id(origin.directory, received.key)}


def event_id(directory: str, key: str) -> UUID:
    """The id of the event of a message, the same in every process."""
    return uuid5(NAMESPACE_URL, f"databricks-pipes:{directory}/{key}")


def upstream_of(metadata: Mapping[str, Metadata]) -> list[str]:
    """The keys of the assets that an asset was made from: of its lineage of columns, and of type `asset`.

    Args:
        metadata: Of the asset.
    """
    keys = [key for value in metadata.values() for key in _assets_in(value)]
    return list(dict.fromkeys(keys))[:_MOST_UPSTREAM]


def _assets_in(value: Metadata) -> Iterator[str]:
    if value.type == "asset" and isinstance(value.value, str) and value.value:
        yield value.value
    if value.type != "table_column_lineage" or not isinstance(value.value, Mapping):
        return
    columns = value.value.get("deps_by_column")
    for deps in columns.values() if isinstance(columns, Mapping) else ():
        for dep in deps if isinstance(deps, list) else ():
            if isinstance(dep, Mapping) and isinstance(key := dep.get("asset_key"), str) and key:
                yield key


def _materialized(made: Materialization, origin: Origin) -> dict[str, Any]:
    key = asset_id(made.asset_key, origin.netloc)
    upstream = [asset_id(other, origin.netloc) for other in upstream_of(made.metadata)]
    facts = {"data_version": made.data_version, "partition_key": origin.partition_key}
    return {
        "event": MATERIALIZED,
        "resource": _asset(key, made.asset_key, origin),
        "related": [
            *({"prefect.resource.id": other, "prefect.resource.role": "asset"} for other in upstream),
            {"prefect.resource.id": "databricks", "prefect.resource.role": "asset-materialized-by"},
        ],
        "payload": {**{name: value for name, value in facts.items() if value}, **_plain(made.metadata)},
    }


def _checked(check: AssetCheck, origin: Origin) -> dict[str, Any]:
    key = asset_id(check.asset_key, origin.netloc)
    return {
        "event": CHECK_PASSED if check.passed else CHECK_FAILED,
        "resource": {
            **_asset(key, check.asset_key, origin),
            "databricks.check.name": one_line(check.check_name) or "check",
            "databricks.check.severity": check.severity,
        },
        "related": [],
        "payload": {
            "check_name": one_line(check.check_name),
            "passed": check.passed,
            "severity": check.severity,
            "metadata": _plain(check.metadata),
        },
    }


def _asset(key: str, name: str, origin: Origin) -> dict[str, str]:
    asset = {"prefect.resource.id": key, "prefect.resource.name": one_line(name) or key}
    return {**asset, "prefect.asset.url": origin.page} if origin.page else asset


def _plain(metadata: Mapping[str, Metadata]) -> dict[str, Any]:
    return {one_line(name): value.plain for name, value in metadata.items()}
