"""Decides which engine a cluster gets, and with which configuration. Pure."""

import re
from collections.abc import Mapping

from databricks_local.execution.cluster import ClusterError, Machine
from databricks_local.jobs.engines import ENGINE_TAG, SPARK
from databricks_local.jobs.specs import ClusterSpec

ANSI = "spark.sql.ansi.enabled"
FIRST_ANSI_RUNTIME = 17
"""Docs: ANSI compliance in Databricks Runtime. Serverless compute has it as well, and SQL warehouses."""

EXTRA_CLASSES = "spark.driver.extraClassPath"

_MODES = ("true", "false")
_MAJOR = re.compile(r"(\d+)\.", re.ASCII)


def chosen_engine(spec: ClusterSpec, machine: Machine) -> str:
    """The engine of a cluster: that of its tag, else that of the workspace.

    Raises:
        ClusterError: If it asks for what only a server of its own can have, and somebody else runs it.
    """
    own = {
        f"The tag {ENGINE_TAG} asks for an engine": spec.engine,
        "cluster_log_conf asks for the logs": spec.log_destination,
        "init_scripts have to run before Spark starts": spec.init_scripts,
    }
    asked = [reason for reason, given in own.items() if given]
    if asked and machine.spark_remote:
        raise ClusterError(
            f"{asked[0]}, but this workspace uses one Spark server for all clusters (--spark-remote): remove "
            "that from the cluster, or the option."
        )
    return spec.engine or machine.engine


def ansi_mode(spec: ClusterSpec) -> bool:
    """Whether ANSI mode is on by default in the runtime of a cluster; one without a number is a new one.

    Example:
        >>> ansi_mode(ClusterSpec("16.4.x-scala2.12")), ansi_mode(ClusterSpec("17.3.x-scala2.13"))
        (False, True)
    """
    major = _MAJOR.match(spec.spark_version)
    return spec.serverless or major is None or int(major[1]) >= FIRST_ANSI_RUNTIME


def spark_configuration(spec: ClusterSpec) -> dict[str, str]:
    """The configuration of a cluster: what its runtime has by default, and `spark_conf`, which wins."""
    return {ANSI: str(ansi_mode(spec)).lower(), **spec.spark_conf}


def at_server_start(configuration: Mapping[str, str]) -> dict[str, str]:
    """What a server of Apache Spark takes when it starts: much of it cannot be set any more in a session."""
    return {name: value for name, value in configuration.items() if name.startswith("spark.")}


def in_session(spec: ClusterSpec, engine: str) -> dict[str, str]:
    """What is set in the sessions of a cluster: on Apache Spark what is left, such as `fs.azure...`."""
    configuration = spark_configuration(spec)
    return {
        name: value
        for name, value in configuration.items()
        if engine != SPARK or not name.startswith("spark.")
    }


def spare_spec(spec: ClusterSpec) -> ClusterSpec | None:
    """What a server of Apache Spark that is started ahead has to be for a cluster; None if none can serve it.

    Such a server knows nothing of a cluster but its ANSI mode. What is set in a session, such as the tags of
    the cluster, is no matter.

    Example:
        >>> spare_spec(ClusterSpec("16.4.x-scala2.12")).spark_conf
        {'spark.sql.ansi.enabled': 'false'}
        >>> spare_spec(ClusterSpec(spark_conf={"spark.driver.memory": "4g"})) is None
        True
    """
    needed = at_server_start(spark_configuration(spec))
    own = needed.keys() - {ANSI} or needed[ANSI] not in _MODES or spec.spark_env_vars or spec.init_scripts
    return None if own else ClusterSpec(spark_conf=needed)


def reaches_s3(spec: ClusterSpec, engine: str) -> bool:
    """Whether Spark reads and writes S3: Apache Spark does if it is given the libraries for that."""
    return engine != SPARK or EXTRA_CLASSES in spec.spark_conf
