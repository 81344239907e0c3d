"""Delta logs that `deltalake` does not write."""

import json
from pathlib import Path
from typing import Any


def write_log(
    place: Path, protocol: dict[str, Any], field: dict[str, Any], properties: dict[str, str]
) -> None:
    """A table as other engines write it."""
    schema = {"type": "struct", "fields": [{"name": "id", "type": "long", "nullable": True, **field}]}
    metadata = {
        "id": "an-id",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps(schema),
        "partitionColumns": [],
        "configuration": properties,
        "createdTime": 1,
    }
    log = place / "_delta_log"
    log.mkdir(parents=True)
    told = {"timestamp": 1, "operation": "CREATE TABLE"}
    lines = [{"commitInfo": told}, {"protocol": protocol}, {"metaData": metadata}]
    (log / f"{0:020}.json").write_text("\n".join(map(json.dumps, lines)))
