"""The workspace's clock, which a test can turn."""

from collections.abc import Callable

from databricks_local.storage.database import Database, Journal

_KIND, _NAME = "clock", "turned"


class TurnableClock:
    """Goes like the real clock, ahead of it by what it was turned. Used from the event loop only.

    Example:
        >>> from databricks_local.runs.clock import TurnableClock
        >>> from databricks_local.storage.database import NoJournal
        >>> clock = TurnableClock(lambda: 1_000, NoJournal())
        >>> clock.turn_to(61_000)
        >>> clock()
        61000
    """

    def __init__(self, real: Callable[[], int], journal: Journal) -> None:
        """Set up.

        Args:
            real: Milliseconds since 1970.
            journal: Where the turns are written down: runs of the future must not become runs of the past.
        """
        self.real = real
        self._journal = journal
        self.ahead = 0

    def load(self, database: Database) -> None:
        """Take over the turns of an earlier server."""
        for _, record in database.load(_KIND):
            self.ahead = record.get("ahead", 0)

    def __call__(self) -> int:
        """Milliseconds since 1970."""
        return self.real() + self.ahead

    def turn_to(self, moment: int) -> None:
        """Turn the clock forward. It never goes back."""
        self.ahead = max(self.ahead, moment - self.real())
        self._journal.put(_KIND, _NAME, lambda: {"ahead": self.ahead})
