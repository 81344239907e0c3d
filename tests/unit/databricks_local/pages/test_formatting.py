"""How states, moments and lengths of time are written."""

import pytest
from databricks_local.pages.formatting import (
    clock_text,
    cut,
    duration_text,
    fact,
    known,
    state_style,
    time_text,
)
from databricks_local.runs import states
from databricks_local.runs.states import State

DAY = 86_400_000


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0.0 s"),
        (1_240, "1.2 s"),
        (61_000, "1 min 01 s"),
        (3_600_000, "1 h 00 min"),
        (90_061_000, "25 h 01 min"),
    ],
)
def test_durations(milliseconds: int, text: str) -> None:
    assert duration_text(milliseconds) == text


@pytest.mark.parametrize(
    ("state", "style"),
    [
        (states.SUCCESS, "good"),
        (states.WORKLOAD_FAILURE, "bad"),
        (states.TIMED_OUT, "bad"),
        (states.DRIVER_LOST, "bad"),
        (states.USER_CANCELED, "off"),
        (states.UPSTREAM_FAILED, "off"),
        (states.EXCLUDED, "off"),
        (states.RUNNING, "busy"),
        (states.PENDING, "wait"),
        (states.BLOCKED, "wait"),
    ],
)
def test_colours_of_states(state: State, style: str) -> None:
    assert state_style(state) == style


@pytest.mark.parametrize(
    ("milliseconds", "reference", "text"),
    [
        (0, 5_000, ""),
        (61_000, 5_000, "00:01:01"),
        (DAY - 1_000, 5_000, "23:59:59"),
        (DAY, 5_000, "1970-01-02 00:00:00"),
    ],
)
def test_a_moment_has_its_date_where_it_is_another(milliseconds: int, reference: int, text: str) -> None:
    assert clock_text(milliseconds, reference) == text


def test_moments_are_utc() -> None:
    assert time_text(5_000) == "1970-01-01 00:00:05 UTC"
    assert time_text(0) == ""


def test_long_texts_are_cut() -> None:
    assert [cut("abcdef", room) for room in (4, 6)] == ["abc…", "abcdef"]


def test_what_is_not_known_is_no_fact() -> None:
    facts = known([fact("Run", 12), fact("Repairs", 0), fact("Cluster", "")])
    assert [(each.name, each.values[0].text) for each in facts] == [("Run", "12")]
