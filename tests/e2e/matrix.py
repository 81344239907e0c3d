"""Matrices of cases, of which CI takes a part: the others have the mark `matrix`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest


def cases(name: str, values: Mapping[str, Any] | Collection[str], *in_ci: str) -> pytest.MarkDecorator:
    """Parametrize a test.

    Args:
        name: Name of the parameter.
        values: Its values by their ids, or ids that are the values.
        *in_ci: Ids of those that CI takes.
    """
    by_id = values if isinstance(values, Mapping) else {value: value for value in values}
    assert set(in_ci) <= set(by_id)
    return pytest.mark.parametrize(
        name,
        [
            pytest.param(value, id=case, marks=() if case in in_ci else pytest.mark.matrix)
            for case, value in by_id.items()
        ],
    )
