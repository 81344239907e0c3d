"""Reads a statement word by word. Pure."""

from databricks_local.runtime.tables.reading.tokens import SIGN, STRING, Token, each_token

_OPENING, _CLOSING = "([{", ")]}"


class StatementError(ValueError):
    """Raised when a statement is not written as it has to be."""


class Cursor:
    """A place in a statement."""

    def __init__(self, text: str) -> None:
        """Set up at the begin.

        Args:
            text: The statement.
        """
        self.text = text.rstrip().rstrip(";")
        self._tokens: list[Token] = []
        self._following = each_token(self.text)
        self._index = 0
        self._ended = False

    def rewind(self) -> "Cursor":
        """Go back to the begin."""
        self._index, self._ended = 0, False
        return self

    def _token(self, index: int) -> Token | None:
        """The token at an index. No more are read than are needed: a statement may be long."""
        while len(self._tokens) <= index:
            token = next(self._following, None)
            if token is None:
                return None
            self._tokens.append(token)
        return self._tokens[index]

    @property
    def current(self) -> Token | None:
        """The token here; None at the end."""
        return None if self._ended else self._token(self._index)

    @property
    def at_end(self) -> bool:
        """Whether nothing follows."""
        return self.current is None

    @property
    def position(self) -> int:
        """Where the token here begins."""
        return len(self.text) if self.current is None else self.current.start

    @property
    def end_before(self) -> int:
        """Where the token before ends."""
        return self._tokens[self._index - 1].end if self._index else 0

    def looks_at(self, *words: str) -> bool:
        """Whether these words or signs follow."""
        if self._ended:
            return False
        following = (self._token(self._index + number) for number in range(len(words)))
        return all(
            token is not None and (token.is_word(word) or (token.kind == SIGN and token.text == word))
            for token, word in zip(following, words, strict=True)
        )

    def accept(self, *words: str) -> bool:
        """Go over these words or signs, if they follow."""
        found = self.looks_at(*words)
        self._index += len(words) if found else 0
        return found

    def accept_any(self, *words: str) -> str:
        """Go over one of these words or signs; says which, and nothing if none follows."""
        return next((word for word in words if self.accept(word)), "")

    def expect(self, *words: str) -> None:
        """Go over these words or signs.

        Raises:
            StatementError: If something else follows.
        """
        if not self.accept(*words):
            raise self.error(" ".join(words))

    def error(self, expected: str) -> StatementError:
        """Something else follows than what is expected."""
        found = "end of input" if self.current is None else f"'{self.text[self.position : self.current.end]}'"
        return StatementError(f"Syntax error at or near {found}: expected {expected}")

    def take(self) -> Token:
        """The token here; goes on."""
        token = self.current
        if token is None:
            raise self.error("more")
        self._index += 1
        return token

    def word(self) -> str:
        """One name, which may be quoted."""
        if self.current is None or not self.current.is_name:
            raise self.error("a name")
        return self.take().text

    def name(self) -> tuple[str, ...]:
        """A name of one or more parts."""
        parts = [self.word()]
        while self.accept("."):
            parts.append(self.word())
        return tuple(parts)

    def string(self) -> str:
        """A string literal; those that stand side by side are one."""
        if self.current is None or self.current.kind != STRING:
            raise self.error("a string")
        parts = [self.take().text]
        while self.current is not None and self.current.kind == STRING:
            parts.append(self.take().text)
        return "".join(parts)

    @property
    def at_string(self) -> bool:
        """Whether a string literal follows."""
        return self.current is not None and self.current.kind == STRING

    def value(self) -> str:
        """A string, a number, a word, as text."""
        if self.at_string:
            return self.string()
        sign = self.accept_any("-", "+")
        return ("-" if sign == "-" else "") + self.take().text

    def key(self) -> str:
        """The name of a property: a string, or words with periods between them."""
        return self.string() if self.at_string else ".".join(self.name())

    def properties(self) -> dict[str, str]:
        """Keys and values in parentheses."""
        self.expect("(")
        found: dict[str, str] = {}
        while not self.accept(")"):
            name = self.key()
            self.accept("=")
            found[name] = self.value()
            if not self.looks_at(")"):
                self.expect(",")
        return found

    def in_parentheses(self) -> str:
        """The text between the parentheses that begin here."""
        self.expect("(")
        start = self.position
        while not self.looks_at(")"):
            self.skip()
        text = self.text[start : self.position]
        self.expect(")")
        return text

    def skip(self) -> None:
        """Go over a token, with all that is between it and its closing one if it is an opening one."""
        depth = 0
        while True:
            token = self.take()
            if token.kind == SIGN:
                depth += (token.text in _OPENING) - (token.text in _CLOSING)
            if depth <= 0:
                return

    def until(self, *words: str) -> str:
        """The text up to one of these words or signs outside of parentheses, or to the end."""
        start = self.position
        end = start
        while not self.at_end and not any(self.looks_at(word) for word in words):
            self.skip()
            end = self.end_before
        return self.text[start:end]

    def rest(self) -> str:
        """All that follows."""
        text = self.text[self.position :]
        self._ended = True
        return text

    def finish(self) -> None:
        """Be at the end.

        Raises:
            StatementError: If something follows.
        """
        if not self.at_end:
            raise self.error("end of input")


def name_in(text: str) -> tuple[str, ...]:
    """The parts of a name.

    Raises:
        StatementError: If it is something else.

    Example:
        >>> name_in("main.`my schema`.t")
        ('main', 'my schema', 't')
    """
    cursor = Cursor(text)
    parts = cursor.name()
    cursor.finish()
    return parts


def split_list(text: str) -> list[str]:
    """The parts between the commas that are in no parentheses.

    Example:
        >>> split_list("a INT, b DECIMAL(1, 2)")
        ['a INT', 'b DECIMAL(1, 2)']
    """
    cursor = Cursor(text)
    parts: list[str] = []
    while not cursor.at_end:
        parts.append(_part(cursor))
        cursor.accept(",")
    return parts


def _part(cursor: Cursor) -> str:
    """Up to a comma; types have theirs between < and >."""
    start = end = cursor.position
    depth = 0
    while not cursor.at_end and (depth > 0 or not cursor.looks_at(",")):
        depth += cursor.looks_at("<") - cursor.looks_at(">")
        cursor.skip()
        end = cursor.end_before
    return cursor.text[start:end]
