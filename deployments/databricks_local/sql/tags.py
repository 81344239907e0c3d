"""Query tags. Pure."""

import re

from databricks_local.api.bodies import Json, read_objects, read_required_string, read_string

MAX_TAGS = 20
"""Docs: more are left out."""

_PIECE = re.compile(r"(?:[^\\,]|\\.)+", re.DOTALL)
_VALUE = re.compile(r"(?<!\\)(?:\\\\)*:")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_tags(body: Json) -> list[Json]:
    """The query tags of a statement: one value a key (docs)."""
    tags = {
        read_required_string(tag, "key"): read_string(tag, "value").strip()
        for tag in read_objects(body, "query_tags")
    }
    return as_json(tags)


def tags_of_setting(text: str) -> list[Json]:
    r"""The query tags of a session, from its setting QUERY_TAGS.

    Example:
        >>> tags_of_setting(r"team:data,nightly,why:a\:b\,c")
        [{'key': 'team', 'value': 'data'}, {'key': 'nightly'}, {'key': 'why', 'value': 'a:b,c'}]
        >>> tags_of_setting("team : x, :c")
        [{'key': 'team', 'value': 'x'}]
    """
    tags = {}
    for piece in _PIECE.findall(text):
        colon = _VALUE.search(piece)
        key, value = (piece[: colon.end() - 1], piece[colon.end() :]) if colon else (piece, "")
        key = _ESCAPED.sub(r"\1", key).strip()
        if key:
            tags[key] = _ESCAPED.sub(r"\1", value).strip()
    return as_json(tags)


def with_session_tags(own: list[Json], of_session: list[Json]) -> list[Json]:
    """The tags of a statement and of its session; those of the statement win."""
    keys = {tag["key"] for tag in own}
    return [*own, *(tag for tag in of_session if tag["key"] not in keys)][:MAX_TAGS]


def as_json(tags: dict[str, str]) -> list[Json]:
    """Tags as the API has them: one without a value has none."""
    return [{"key": key, **({"value": value} if value else {})} for key, value in tags.items()][:MAX_TAGS]
