"""The engines that can run Spark here, and the tag by which a cluster asks for one. Pure."""

from databricks_local.api.bodies import Json, read_choice, read_strings

SAIL, SPARK = "sail", "spark"
ENGINES = (SAIL, SPARK)

ENGINE_TAG = "local_engine"
"""A custom tag: on Databricks it is a tag like any other."""


def read_engine(cluster: Json) -> str:
    """The engine that the custom tags of a cluster ask for; empty if they ask for none.

    Raises:
        ApiError: If there is no such engine.

    Example:
        >>> read_engine({"custom_tags": {"local_engine": "spark"}})
        'spark'
    """
    tags = read_strings(cluster, "custom_tags")
    return read_choice(tags, ENGINE_TAG, ENGINES, "") if ENGINE_TAG in tags else ""
