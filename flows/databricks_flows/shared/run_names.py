"""What flow runs are called: as a person typed it, else after what they do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from prefect.runtime import flow_run

LONGEST_NAME = 100
_LETTERS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu "
    "nu xi omicron pi rho sigma tau upsilon phi chi psi omega"
)
# The form of the Prefect UI proposes the name of a star, such as omega2-aquarii or mu-lyrae-void.
_STAR = re.compile(rf"({'|'.join(_LETTERS.split())})\d*-[a-z]+(-[a-z]+)?")


def named(make: Callable[[Mapping[str, Any]], str]) -> Callable[[], str]:
    """Make the `flow_run_name` of a flow.

    Args:
        make: Makes the name of a run from its parameters, for runs that nobody named.

    Examples:
        >>> from databricks_flows.shared.run_names import named
        >>> from prefect import flow
        >>> @flow(flow_run_name=named(lambda parameters: f"load {parameters['table']}"))
        ... def load(table: str) -> None: ...
    """

    def name() -> str:
        given = str(flow_run.name or "")
        return given if given and not is_generated(given) else make(flow_run.parameters)[:LONGEST_NAME]

    return name


def is_generated(name: str) -> bool:
    """Whether Prefect made up the name of a run, such as `brave-otter`.

    Args:
        name: Name of a flow run.

    Examples:
        >>> from databricks_flows.shared.run_names import is_generated
        >>> is_generated("nightly-load"), is_generated("omega2-aquarii")
        (False, True)
    """
    if _STAR.fullmatch(name):
        return True
    first, _, second = name.partition("-")
    return bool(second) and {first, second} <= _vocabulary()


@cache
def _vocabulary() -> frozenset[str]:
    """The words that a Prefect server makes names of."""
    from coolname.data import config

    parts: Any = config
    return frozenset(word for part in parts.values() for word in part.get("words", ()))
