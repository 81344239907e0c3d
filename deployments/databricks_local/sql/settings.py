"""Reads the settings of a warehouse. Pure."""

from databricks_local.api.bodies import (
    Json,
    read_boolean,
    read_choice,
    read_integer,
    read_object,
    read_objects,
    read_string,
)
from databricks_local.api.errors import invalid_parameter, not_served

SIZES = (
    "2X-Small", "X-Small", "Small", "Medium", "Large", "X-Large", "2X-Large", "3X-Large", "4X-Large",
    "5X-Large",
)  # fmt: skip
MAX_NAME = 99
MAX_CLUSTERS, MAX_MIN_CLUSTERS = 40, 30
MAX_TAGS = 44
AUTO_STOP_MINUTES = 120
MIN_AUTO_STOP_MINUTES = 10
MAX_MINUTES = 2**31 - 1
MAX_TIMEOUT_SECONDS = 172_800
_TYPES = ("CLASSIC", "PRO", "TYPE_UNSPECIFIED")
_POLICIES = ("COST_OPTIMIZED", "RELIABILITY_OPTIMIZED", "POLICY_UNSPECIFIED")
_CHANNELS = (
    "CHANNEL_NAME_CURRENT", "CHANNEL_NAME_CUSTOM", "CHANNEL_NAME_PREVIEW", "CHANNEL_NAME_PREVIOUS",
    "CHANNEL_NAME_UNSPECIFIED",
)  # fmt: skip

STARTER: Json = {
    "name": "Starter Warehouse",
    "cluster_size": "2X-Small",
    "auto_stop_mins": 10,
    "enable_serverless_compute": True,
    "warehouse_type": "PRO",
}
"""What a new workspace has, so that people can begin."""


def read_warehouse(body: Json) -> Json:
    """Read the settings of a warehouse (docs: Warehouses API, create).

    Args:
        body: The request; for a changed warehouse, over what it has.

    Returns:
        All settings, with their defaults.

    Raises:
        ApiError: If Databricks would refuse them.
    """
    name = read_string(body, "name").strip()
    if not 0 < len(name) <= MAX_NAME:
        raise invalid_parameter("name of the warehouse must have between 1 and 99 characters.")
    serverless = read_boolean(body, "enable_serverless_compute")
    kind = _type(body, serverless=serverless)
    fewest, most = _clusters(body)
    settings: Json = {
        "name": name,
        "cluster_size": read_choice(body, "cluster_size", SIZES, "X-Small"),
        "min_num_clusters": fewest,
        "max_num_clusters": most,
        "auto_stop_mins": _auto_stop(body, serverless=serverless),
        "enable_photon": read_boolean(body, "enable_photon", default=True),
        "enable_serverless_compute": serverless,
        "warehouse_type": kind,
        "spot_instance_policy": read_choice(body, "spot_instance_policy", _POLICIES, "COST_OPTIMIZED"),
        "channel": {"name": _channel(body)},
        "tags": {"custom_tags": _tags(body)},
    }
    if body.get("instance_profile_arn") is not None:
        settings["instance_profile_arn"] = read_string(body, "instance_profile_arn")
    if body.get("statement_timeout") is not None:
        settings["statement_timeout"] = read_timeout(body, "statement_timeout")
    return settings


def read_timeout(body: Json, name: str) -> int:
    """Read how many seconds a statement may be executed (docs: STATEMENT_TIMEOUT)."""
    seconds = read_integer(body, name)
    if not 0 <= seconds <= MAX_TIMEOUT_SECONDS:
        raise invalid_parameter(f"{name} must be between 0 and {MAX_TIMEOUT_SECONDS} seconds.")
    return seconds


def _type(body: Json, *, serverless: bool) -> str:
    if read_string(body, "warehouse_type") == "REALTIME":
        raise not_served("warehouse_type REALTIME")
    kind = read_choice(body, "warehouse_type", _TYPES, "TYPE_UNSPECIFIED")
    if kind == "TYPE_UNSPECIFIED":
        return "PRO" if serverless else "CLASSIC"
    if serverless and kind != "PRO":
        raise invalid_parameter("enable_serverless_compute is only for warehouses of the type PRO.")
    return kind


def _clusters(body: Json) -> tuple[int, int]:
    fewest = read_integer(body, "min_num_clusters", 1)
    most = read_integer(body, "max_num_clusters", fewest)
    if not 1 <= fewest <= min(most, MAX_MIN_CLUSTERS) or most > MAX_CLUSTERS:
        raise invalid_parameter(
            "min_num_clusters must be between 1 and 30, max_num_clusters between it and 40."
        )
    return fewest, most


def _auto_stop(body: Json, *, serverless: bool) -> int:
    minutes = read_integer(body, "auto_stop_mins", AUTO_STOP_MINUTES)
    least = 1 if serverless else MIN_AUTO_STOP_MINUTES
    if minutes and not least <= minutes <= MAX_MINUTES:
        raise invalid_parameter(f"auto_stop_mins must be 0 (never), or at least {least}.")
    return minutes


def _channel(body: Json) -> str:
    channel = read_object(body, "channel") or {}
    return read_choice(channel, "name", _CHANNELS, "CHANNEL_NAME_CURRENT")


def _tags(body: Json) -> list[Json]:
    tags = read_objects(read_object(body, "tags") or {}, "custom_tags")
    if len(tags) > MAX_TAGS:
        raise invalid_parameter("A warehouse has fewer than 45 tags.")
    return [{"key": read_string(tag, "key"), "value": read_string(tag, "value")} for tag in tags]
