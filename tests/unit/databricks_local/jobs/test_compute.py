"""What tasks run on, out of request bodies."""

import re
from typing import Any

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.clusters.settings import read_settings
from databricks_local.jobs.compute import parse_cluster

SETTINGS = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge"}


def with_destination(kind: str, destination: str) -> list[dict[str, Any]]:
    storage = {kind: {"destination": destination}}
    return [{**SETTINGS, "cluster_log_conf": storage}, {**SETTINGS, "init_scripts": [storage]}]


@pytest.mark.parametrize(
    ("kind", "destination", "says"),
    [
        ("dbfs", "dbfs:/../../etc/x", "has an invalid name"),
        ("dbfs", "dbfs:/logs/..", "has an invalid name"),
        ("volumes", "/Volumes/main/default/logs/../../../../etc", "has an invalid name"),
        ("workspace", "/Shared/../../init.sh", "has an invalid name"),
        ("volumes", "/Volumes/./main/default", "has an invalid name"),
        ("dbfs", "dbfs:/a\0b", "has an invalid name"),
        ("volumes", "/Volumes/main/default", "is on no volume"),
        ("volumes", "/Volumes/main/default/", "is on no volume"),
        ("dbfs", "dbfs:/Volumes", "is on no volume"),
    ],
)
def test_a_place_that_could_lead_anywhere_is_refused(kind: str, destination: str, says: str) -> None:
    for settings in with_destination(kind, destination):
        for read in (parse_cluster, read_settings):
            with pytest.raises(ApiError, match=re.escape(f"The destination {destination!r} {says}")):
                read(settings)


@pytest.mark.parametrize(
    ("kind", "destination"),
    [
        ("dbfs", "dbfs:/logs..x"),
        ("volumes", "/Volumes/main/default/logs"),
        ("volumes", "dbfs:/Volumes/main/default/logs/a"),
        ("workspace", "/Shared/init.sh"),
        ("workspace", "/VolumesX"),
        ("s3", "s3://bucket/logs"),
    ],
)
def test_other_places_are_taken(kind: str, destination: str) -> None:
    logs, scripts = (parse_cluster(settings) for settings in with_destination(kind, destination))
    assert (logs.log_destination, scripts.init_scripts) == (destination, (destination,))
