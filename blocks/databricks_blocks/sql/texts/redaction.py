"""Hides the credentials that a statement carries: `COPY INTO … WITH (CREDENTIAL (…))`. Pure."""

from __future__ import annotations

import re

_LITERAL = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_GROUP = re.compile(rf"\b(?:CREDENTIAL|ENCRYPTION)\s*\((?:[^()'\"]|{_LITERAL})*\)", re.IGNORECASE | re.DOTALL)
_GUARDED = r"""
    (?<![\w.-])
    (?: [\w.-]* (?:secret|token|passw(?:or)?d|passphrase|(?:access|account|api|private)[._-]?key) [\w.-]*
      | (?:[\w.-]*[._-])? (?:sas | key) (?:[._-](?:value|text))?
    )
    (?![\w.-])
"""
"""Names of options and settings whose values nobody may see."""
_NAMED = re.compile(
    rf"{_GUARDED} ['\"`]? \s* (?:=>?|,)? \s* ({_LITERAL})", re.IGNORECASE | re.DOTALL | re.VERBOSE
)
_SETTING = re.compile(rf"\bSET \s+ {_GUARDED} \s* = \s* ([^'\"\s;][^\s;]*)", re.IGNORECASE | re.VERBOSE)
_SIGNATURE = re.compile(
    r"[?&](?:sig|[\w-]*(?:signature|token|credential|secret))=([^&'\"\s]+)", re.IGNORECASE
)
"""What makes a link of a storage a login."""
_QUOTED = re.compile(_LITERAL, re.DOTALL)
_LONG = 6
"""A value of as many characters is hidden wherever it stands; a shorter one only between quotes."""
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
    values = {literal[1:-1] for literal in literals}
    values |= {found[1] for pattern in (_SETTING, _SIGNATURE) for found in pattern.finditer(statement)}
    return sorted(values - {""}, key=len, reverse=True)


def without_credentials(text: str, statement: str) -> str:
    """Hide the credentials of a statement in a text, to show it.

    Args:
        text: The statement itself, or what is said about it.
        statement: The statement.
    """
    for value in credentials_in(statement):
        there = re.escape(value)
        alone = rf"(?<!\w){there}(?!\w)" if len(value) >= _LONG else rf"(?<=['\"=]){there}(?=['\"&\s;]|$)"
        text = re.sub(alone, HIDDEN, text)
    return text


def without_credential_groups(statement: str) -> str:
    """Leave out the values in `CREDENTIAL (…)` and `ENCRYPTION (…)`, and nothing else.

    What is left tells statements apart: a retry has new credentials, and is still the same statement. Other
    values stay, whatever they are called: an `account_key` can be the key of a row.

    Args:
        statement: Its text.

    Examples:
        >>> without_credential_groups("COPY INTO t FROM 's3://b' WITH (CREDENTIAL (AWS_SECRET_KEY = 'abc'))")
        "COPY INTO t FROM 's3://b' WITH (CREDENTIAL (AWS_SECRET_KEY = '***'))"
    """
    return _GROUP.sub(lambda group: _QUOTED.sub(f"'{HIDDEN}'", group[0]), statement)
