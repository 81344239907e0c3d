"""Hides the credentials that a statement carries: `COPY INTO … WITH (CREDENTIAL (…))`. Pure."""

from __future__ import annotations

import re

_LITERAL = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_GROUP = re.compile(rf"\b(?:CREDENTIAL|ENCRYPTION)\s*\((?:[^()'\"]|{_LITERAL})*\)", re.IGNORECASE | re.DOTALL)
_NAMED = re.compile(
    rf"\b\w*(?:secret|token|password|passwd|access_?key|account_?key|sas)\w*['\"`]?\s*(?:=>?|,)?\s*({_LITERAL})",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(_LITERAL, re.DOTALL)
HIDDEN = "***"


def credentials_in(statement: str) -> list[str]:
    """Find the values in a statement that nobody may see, the longest first.

    Args:
        statement: Its text.

    Examples:
        >>> credentials_in("COPY INTO t FROM 's3://b' WITH (CREDENTIAL (AWS_SECRET_KEY = 'abc'))")
        ['abc']
    """
    literals = [found[0] for group in _GROUP.finditer(statement) for found in _QUOTED.finditer(group[0])]
    literals += [found[1] for found in _NAMED.finditer(statement)]
    return sorted({literal[1:-1] for literal in literals} - {""}, key=len, reverse=True)


def without_credentials(text: str, statement: str) -> str:
    """Hide the credentials of a statement in a text.

    Args:
        text: The statement itself, or what is said about it.
        statement: The statement.
    """
    for value in credentials_in(statement):
        text = text.replace(value, HIDDEN)
    return text
