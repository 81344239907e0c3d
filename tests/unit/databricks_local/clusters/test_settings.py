"""Changes of the settings of all-purpose clusters."""

from typing import Any

import pytest
from databricks_local.api.errors import ApiError
from databricks_local.clusters.settings import read_settings, resized, size_of, updated_settings, workers_of

SETTINGS = read_settings(
    {
        "spark_version": "15",
        "node_type_id": "i3",
        "num_workers": 2,
        "cluster_name": "c",
        "spark_conf": {"a": "b"},
    }
)
SCALES = {"min_workers": 1, "max_workers": 4}


@pytest.mark.parametrize(
    ("body", "size", "workers"),
    [({"num_workers": 5}, {"num_workers": 5}, 5), ({"autoscale": SCALES}, {"autoscale": SCALES}, 1)],
)
def test_resize(body: dict[str, Any], size: dict[str, Any], workers: int) -> None:
    after = resized({**SETTINGS, "autoscale": {"min_workers": 3, "max_workers": 3}}, body)
    assert (size_of(after), workers_of(after)) == (size, workers)
    assert after["spark_conf"] == {"a": "b"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"num_workers": 1, "autoscale": SCALES},
        {"num_workers": -1},
        {"autoscale": {"min_workers": 2, "max_workers": 1}},
    ],
)
def test_sizes_that_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        resized(SETTINGS, body)


@pytest.mark.parametrize(
    ("mask", "changes", "expected"),
    [
        ("num_workers", {"num_workers": 7, "cluster_name": "not asked for"}, {"num_workers": 7}),
        (
            "cluster_name,spark_conf",
            {"spark_conf": {"x": "y"}},
            {"cluster_name": None, "spark_conf": {"x": "y"}},
        ),
        ("autoscale.max_workers", {"autoscale": {"max_workers": 9}}, {"autoscale": {"max_workers": 9}}),
    ],
)
def test_update_changes_what_the_mask_names(mask: str, changes: Any, expected: dict[str, Any]) -> None:
    after = updated_settings(SETTINGS, mask, changes)
    for name in {*SETTINGS, *expected}:
        assert after.get(name) == expected.get(name, SETTINGS.get(name))


def test_a_mask_for_everything_replaces() -> None:
    after = updated_settings(SETTINGS, "*", {"spark_version": "16", "node_type_id": "i3"})
    assert (after["spark_version"], after.get("cluster_name"), after["spark_conf"]) == ("16", None, {})


def test_an_update_that_leaves_no_cluster() -> None:
    with pytest.raises(ApiError, match="spark_version"):
        updated_settings(SETTINGS, "spark_version", {})


@pytest.mark.parametrize(
    ("minutes", "taken"), [(0, True), (9, False), (10, True), (10_000, True), (10_001, False)]
)
def test_idle_times(minutes: int, taken: bool) -> None:
    body = {**SETTINGS, "autotermination_minutes": minutes}
    if taken:
        assert read_settings(body)["autotermination_minutes"] == minutes
    else:
        with pytest.raises(ApiError, match="autotermination_minutes must be 0 or between 10 and 10000"):
            read_settings(body)
