import pytest
from databricks_local.api.errors import ApiError
from databricks_local.clusters.settings import read_settings, spec_of
from databricks_local.jobs.compute import parse_cluster
from databricks_local.jobs.engines import read_engine

SETTINGS = {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge"}


@pytest.mark.parametrize(
    ("tags", "engine"),
    [({}, ""), ({"team": "a"}, ""), ({"local_engine": "sail"}, "sail"), ({"local_engine": "spark"}, "spark")],
)
def test_what_the_tags_of_a_cluster_ask_for(tags: dict[str, str], engine: str) -> None:
    assert read_engine({"custom_tags": tags}) == engine
    assert parse_cluster({**SETTINGS, "custom_tags": tags}).engine == engine
    assert spec_of(read_settings({**SETTINGS, "custom_tags": tags})).engine == engine


def test_an_unknown_engine_is_refused_for_clusters_of_jobs_and_all_purpose_ones() -> None:
    asked = {**SETTINGS, "custom_tags": {"local_engine": "flink"}}
    for read in (parse_cluster, read_settings):
        with pytest.raises(ApiError, match="local_engine must be one of: sail, spark"):
            read(asked)
