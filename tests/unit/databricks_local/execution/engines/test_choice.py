import pytest
from databricks_local.execution.cluster import ClusterError, Machine
from databricks_local.execution.engines.choice import (
    ANSI,
    EXTRA_CLASSES,
    ansi_mode,
    at_server_start,
    chosen_engine,
    in_session,
    reaches_s3,
    spare_spec,
    spark_configuration,
)
from databricks_local.jobs.engines import SAIL, SPARK
from databricks_local.jobs.specs import ClusterSpec


@pytest.mark.parametrize(
    ("version", "on"),
    [
        ("9.1.x-scala2.12", False),
        ("15.4.x-cpu-ml-scala2.12", False),
        ("16.4.x-scala2.13", False),
        ("17.0.x-scala2.13", True),
        ("17.3.x-scala2.13", True),
        ("18.1.x-photon-scala2.13", True),
        ("", True),
        ("custom:image", True),
    ],
)
def test_ansi_mode_by_runtime(version: str, on: bool) -> None:
    assert ansi_mode(ClusterSpec(version)) is on


def test_serverless_compute_has_ansi_mode() -> None:
    assert ansi_mode(ClusterSpec("client.1", serverless=True))


@pytest.mark.parametrize("engine", [SAIL, SPARK])
def test_spark_conf_wins(engine: str) -> None:
    old = ClusterSpec("15.4.x-scala2.12", {ANSI: "true", "fs.key": "k"})
    assert spark_configuration(old)[ANSI] == "true"
    new = ClusterSpec("17.3.x-scala2.13", {ANSI: "false"})
    assert spark_configuration(new)[ANSI] == "false"


def test_what_is_set_where() -> None:
    spec = ClusterSpec("15.4.x-scala2.12", {"spark.executor.memory": "1g", "fs.key": "k"})
    everything = {ANSI: "false", "spark.executor.memory": "1g", "fs.key": "k"}
    assert in_session(spec, SAIL) == everything
    assert in_session(spec, SPARK) == {"fs.key": "k"}
    assert at_server_start(spark_configuration(spec)) == {ANSI: "false", "spark.executor.memory": "1g"}


@pytest.mark.parametrize(
    ("tag", "workspace", "chosen"),
    [("", SAIL, SAIL), ("", SPARK, SPARK), (SPARK, SAIL, SPARK), (SAIL, SPARK, SAIL)],
)
def test_the_tag_of_a_cluster_goes_before_the_workspace(tag: str, workspace: str, chosen: str) -> None:
    assert chosen_engine(ClusterSpec(engine=tag), Machine(engine=workspace)) == chosen


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (ClusterSpec(engine=SPARK), "local_engine asks for an engine"),
        (ClusterSpec(log_destination="dbfs:/logs"), "cluster_log_conf asks for the logs"),
        (ClusterSpec(init_scripts=("/Shared/init.sh",)), "init_scripts have to run before Spark starts"),
    ],
)
def test_what_a_server_that_somebody_else_runs_cannot_do(spec: ClusterSpec, says: str) -> None:
    machine = Machine(spark_remote="sc://host:15002")
    assert chosen_engine(ClusterSpec(), machine) == SAIL
    with pytest.raises(ClusterError, match=f"^(The tag )?{says}, but .*--spark-remote") as refused:
        chosen_engine(spec, machine)
    assert "\n" not in str(refused.value)


def test_who_reaches_s3() -> None:
    given = ClusterSpec(spark_conf={EXTRA_CLASSES: "/jars/hadoop-aws.jar"})
    assert [reaches_s3(ClusterSpec(), SAIL), reaches_s3(ClusterSpec(), SPARK), reaches_s3(given, SPARK)] == [
        True,
        False,
        True,
    ]


OLD, NEW = "15.4.x-scala2.12", "17.3.x-scala2.13"
WITHOUT_ANSI, WITH_ANSI = ClusterSpec(spark_conf={ANSI: "false"}), ClusterSpec(spark_conf={ANSI: "true"})


@pytest.mark.parametrize(
    ("spec", "spare"),
    [
        (ClusterSpec(OLD), WITHOUT_ANSI),
        (ClusterSpec(NEW), WITH_ANSI),
        (ClusterSpec(OLD, serverless=True), WITH_ANSI),
        (ClusterSpec(OLD, {ANSI: "true"}), WITH_ANSI),
        # A value that Spark may refuse is not tried ahead.
        (ClusterSpec(OLD, {ANSI: "maybe"}), None),
        # Set in sessions, or looked at by the workspace alone.
        (ClusterSpec(OLD, {"fs.key": "k"}), WITHOUT_ANSI),
        (ClusterSpec(OLD, engine=SPARK, usage_tags={"clusterName": "nightly"}), WITHOUT_ANSI),
        (ClusterSpec(OLD, log_destination="dbfs:/logs"), WITHOUT_ANSI),
        # Set when the server starts.
        (ClusterSpec(OLD, {"spark.app.name": "mine"}), None),
        (ClusterSpec(OLD, {"spark.driver.memory": "1g"}), None),
        (ClusterSpec(OLD, {"spark.eventLog.enabled": "true"}), None),
        (ClusterSpec(OLD, {"spark.local.dir": "/x"}), None),
        (ClusterSpec(OLD, {EXTRA_CLASSES: "/jars/a.jar"}), None),
        (ClusterSpec(OLD, {"spark.jars": "/jars/a.jar"}), None),
        (ClusterSpec(OLD, spark_env_vars={"REGION": "eu"}), None),
        (ClusterSpec(OLD, init_scripts=("/Shared/init.sh",)), None),
    ],
)
def test_which_spare_server_can_serve_a_cluster(spec: ClusterSpec, spare: ClusterSpec | None) -> None:
    assert spare_spec(spec) == spare
    if spare is not None:
        # It was started exactly as the cluster's own server would have been.
        assert at_server_start(spark_configuration(spare)) == at_server_start(spark_configuration(spec))
