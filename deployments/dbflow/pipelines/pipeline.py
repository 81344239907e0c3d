"""What `dbflow run` can run."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

    from dbflow.terminal import StepBars

Result = TypeVar("Result")


class Pipeline(Protocol[Result]):
    """A pipeline of the package, with what it was asked for."""

    libraries: ClassVar[tuple[str, ...]]
    """Modules that its flows need, imported while the stack starts."""
    needs_tables: ClassVar[bool]
    """Whether its notebooks share tables, which clusters with Apache Spark do not in the local workspace."""

    def check(self) -> None:
        """Refuse what cannot be used before anything starts.

        Raises:
            InputError: A file or a name cannot be used.
        """

    async def work(self, bars: StepBars) -> Result:
        """Run its flows to the end.

        Args:
            bars: Shows the progress.
        """

    def print_summary(self, console: Console, result: Result) -> None:
        """Print what came out, and where to look at it."""
