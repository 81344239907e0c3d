"""The settings that say who is told of a run or task, and of what. Pure."""

from databricks_local.api.bodies import (
    Json,
    read_boolean,
    read_integer,
    read_object,
    read_objects,
    read_required_string,
    read_string_list,
)
from databricks_local.api.errors import invalid_parameter

EMAIL, WEBHOOK, SETTINGS, HEALTH = (
    "email_notifications",
    "webhook_notifications",
    "notification_settings",
    "health",
)

EVENTS = ("on_start", "on_success", "on_failure", "on_duration_warning_threshold_exceeded")
"""What is told here. The events of streams and of maintenance are kept and never come."""

ON_LAST_ATTEMPT = "alert_on_last_attempt"
NOT_IF_SKIPPED = "no_alert_for_skipped_runs"
NOT_IF_CANCELED = "no_alert_for_canceled_runs"

MAX_DESTINATIONS = 3
"""Docs: "A maximum of 3 destinations can be specified" for each event of a webhook."""


def read_alerts(holder: Json) -> Json:
    """The fields about notifications of a job, a run or a task; refused if they are malformed."""
    alerts = {
        name: found for name in (EMAIL, WEBHOOK, SETTINGS, HEALTH) if (found := read_object(holder, name))
    }
    for event in EVENTS:
        if len(destinations(alerts, WEBHOOK, event)) > MAX_DESTINATIONS:
            raise invalid_parameter(f"{WEBHOOK}.{event} can have at most {MAX_DESTINATIONS} destinations.")
        destinations(alerts, EMAIL, event)
    duration_limit(alerts)
    for name in (ON_LAST_ATTEMPT, NOT_IF_SKIPPED, NOT_IF_CANCELED):
        switched(alerts, name)
    switched(alerts, NOT_IF_SKIPPED, EMAIL)
    return alerts


def switched(alerts: Json, name: str, holder: str = SETTINGS) -> bool:
    """Whether a switch of `notification_settings`, or of another field about notifications, is on."""
    return read_boolean(read_object(alerts, holder) or {}, name)


def destinations(alerts: Json, channel: str, event: str) -> list[str]:
    """Who is told of an event: addresses, or the ids of notification destinations."""
    given = read_object(alerts, channel) or {}
    if channel == EMAIL:
        return list(read_string_list(given, event))
    return [read_required_string(each, "id") for each in read_objects(given, event)]


def duration_limit(alerts: Json) -> int:
    """After how many seconds a run or task lasts too long; 0 for no limit."""
    for rule in read_objects(read_object(alerts, HEALTH) or {}, "rules"):
        if rule.get("metric") == "RUN_DURATION_SECONDS":
            return read_integer(rule, "value")
    return 0
