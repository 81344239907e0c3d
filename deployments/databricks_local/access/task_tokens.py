"""Tokens of tasks and clusters: each is good for as long as its task or cluster runs."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class TaskTokens:
    """The tokens by which the SDK logs in inside of tasks, and Sail at the catalog.

    Attributes:
        on_revoke: Told of each token that is not good any more.
    """

    def __init__(self) -> None:
        self._live: set[str] = set()
        self.on_revoke: Callable[[str], None] = lambda _: None

    @contextmanager
    def issued(self) -> Iterator[str]:
        """A token for the time of a `with` block."""
        token = self.issue()
        try:
            yield token
        finally:
            self.revoke(token)

    def issue(self) -> str:
        """A token that is good until it is revoked."""
        token = f"dapi{secrets.token_hex(16)}"
        self._live.add(token)
        return token

    def revoke(self, token: str) -> None:
        """End a token."""
        self._live.discard(token)
        self.on_revoke(token)

    def accepts(self, token: str) -> bool:
        """Whether a token is that of a task that runs."""
        return token in self._live
