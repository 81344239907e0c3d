"""The words of a SQL statement, with their places in its text. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from databricks_local.runtime.source import opaque_end

WORD, QUOTED, STRING, SIGN = "word", "quoted", "string", "sign"

_QUOTED = re.compile(r"`((?:[^`]|``)*)`")
_RAW = re.compile(r"[rR](?P<quote>['\"])(.*?)(?P=quote)", re.DOTALL)
_NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?[A-Za-z]{0,2}(?!\w)")
_WORD = re.compile(r"\w+")
_SIGN = re.compile(r"<=>|=>|->|::|\|\||<>|!=|>=|<=|==|.", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a", "%": "\\%", "_": "\\_"}


@dataclass(frozen=True)
class Token:
    """A word, a quoted name, a string or a sign.

    Attributes:
        kind: Which of them.
        text: The word, or what is in the quotes.
        start: Where it begins.
        end: Where it ends.
    """

    kind: str
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these words, in any case."""
        return self.kind == WORD and self.text.upper() in words

    @property
    def is_name(self) -> bool:
        """Whether it can be a name."""
        return self.kind in (WORD, QUOTED)


def tokens_of(text: str) -> list[Token]:
    """The tokens of a statement, without comments.

    Example:
        >>> [token.text for token in tokens_of("SELECT `a``b` FROM t -- all")]
        ['SELECT', 'a`b', 'FROM', 't']
    """
    return list(each_token(text))


def each_token(text: str) -> Iterator[Token]:
    """The tokens of a statement one by one: its end may be far away."""
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        token = _token(text, position)
        # None is a comment.
        if token is not None:
            yield token
        position = opaque_end(text, position) if token is None else token.end


def _token(text: str, position: int) -> Token | None:
    quoted = _QUOTED.match(text, position)
    if quoted is not None:
        return Token(QUOTED, quoted[1].replace("``", "`"), position, quoted.end())
    raw = _RAW.match(text, position)
    if raw is not None:
        return Token(STRING, raw[2], position, raw.end())
    end = opaque_end(text, position)
    if end > position:
        inner = text[position + 1 : end - 1]
        return Token(STRING, unescaped(inner), position, end) if text[position] in "'\"" else None
    word = _NUMBER.match(text, position) or _WORD.match(text, position)
    if word is not None:
        return Token(WORD, word[0], position, word.end())
    sign = _SIGN.match(text, position)
    return Token(SIGN, sign[0] if sign else "", position, sign.end() if sign else position + 1)


def unescaped(text: str) -> str:
    r"""What a string literal says, without its backslashes.

    Example:
        >>> unescaped(r"it\'s")
        "it's"
    """

    def replace(found: re.Match[str]) -> str:
        escape = found[1]
        return chr(int(escape[1:], 16)) if len(escape) > 1 else _ESCAPED.get(escape, escape)

    return _ESCAPE.sub(replace, text)


def quoted_name(*parts: str) -> str:
    """A name in backticks.

    Example:
        >>> quoted_name("main", "a`b")
        '`main`.`a``b`'
    """
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def quoted_text(text: str) -> str:
    r"""A string literal.

    Example:
        >>> print(quoted_text("it's"))
        'it\'s'
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
