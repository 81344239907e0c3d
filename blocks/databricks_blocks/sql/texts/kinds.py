"""What kind of statement a text is, as far as its words tell. Pure."""

from __future__ import annotations

from databricks_blocks.sql.texts.splitting import is_named_block, words_of

_READING = frozenset({"SELECT", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "VALUES", "TABLE", "LIST"})
"""First words of statements that change nothing."""
_CHANGING = frozenset({"INSERT", "MERGE", "UPDATE", "DELETE"})
_CALLING = frozenset({"BEGIN", "CALL", "EXECUTE"})


def only_reads(text: str) -> bool:
    """Whether a statement changes nothing.

    Examples:
        >>> only_reads("/* all */ (VALUES (1))"), only_reads("INSERT INTO t VALUES (1)")
        (True, False)
        >>> only_reads("WITH a AS (SELECT 1) SELECT * FROM a"), only_reads("WITH a AS (…) INSERT INTO t")
        (True, False)
    """
    words = words_of(text)
    first = next(words, "")
    # Data can be changed by a statement that begins with one of these, too.
    return first in _READING or (first in ("WITH", "FROM") and _CHANGING.isdisjoint(words))


def is_repeatable(text: str) -> bool:
    """Whether a statement does nothing twice when it is executed twice.

    `COPY INTO` loads each file once, unless it is told to load it again.

    Examples:
        >>> is_repeatable("COPY INTO t FROM '/a' FILEFORMAT = CSV"), is_repeatable("INSERT INTO t SELECT 1")
        (True, False)
        >>> is_repeatable("COPY INTO t FROM '/a' FILEFORMAT = CSV COPY_OPTIONS ('force' = 'true')")
        False
    """
    words = list(words_of(text))
    if words[:2] == ["COPY", "INTO"]:
        return "force" not in text.lower()
    made_once = words[:1] == ["CREATE"] and " IF NOT EXISTS " in f" {' '.join(words)} "
    return made_once or only_reads(text)


def is_script(text: str) -> bool:
    """Whether a statement does several things, of which some may be done when it fails.

    Examples:
        >>> is_script("BEGIN INSERT INTO t VALUES (1); INSERT INTO u VALUES (1); END")
        True
        >>> is_script("FROM t INSERT INTO a SELECT x INSERT INTO b SELECT y"), is_script("INSERT INTO t …")
        (True, False)
    """
    words = list(words_of(text))
    first = words[0] if words else ""
    inserts = first in ("FROM", "WITH") and words.count("INSERT") > 1
    return first in _CALLING or inserts or is_named_block(text)


def gives_counts(text: str) -> bool:
    """Whether all that a statement answers is one row of counts, such as `num_affected_rows`.

    Examples:
        >>> gives_counts("INSERT INTO t VALUES (1)"), gives_counts("SELECT 1 AS num_plate")
        (True, False)
        >>> gives_counts("COPY INTO t FROM '/a' FILEFORMAT = CSV"), gives_counts("COPY INTO t … VALIDATE ALL")
        (True, False)
    """
    words = list(words_of(text))
    if words[:2] == ["COPY", "INTO"]:
        return "VALIDATE" not in words
    changes = words[:1] in (["WITH"], ["FROM"]) and not _CHANGING.isdisjoint(words)
    return changes or not _CHANGING.isdisjoint(words[:1])
