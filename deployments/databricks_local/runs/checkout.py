"""The checkout of one run."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from databricks_local.execution.cluster import Cluster
from databricks_local.git.checkouts import Checkout, CheckoutError, Checkouts
from databricks_local.jobs.specs import GitSpec
from databricks_local.runs.models import Run
from databricks_local.storage.leftovers import remove_directories


class RunCheckout:
    """The checkout of one run or repair. It is made at the start, for all tasks."""

    def __init__(self, checkouts: Checkouts, run: Run, keep: Callable[[Run], None]) -> None:
        """Set up.

        Args:
            checkouts: Makes it.
            run: The run; `used_commit` is set.
            keep: Writes the run down afterwards.
        """
        self._checkouts = checkouts
        self._run = run
        self._keep = keep
        self._making: asyncio.Task[Checkout] | None = None

    def begin(self) -> None:
        """Start to check out, if the run has a `git_source`."""
        if self._run.spec.git is not None:
            self._making = asyncio.create_task(self._make(self._run.spec.git))

    async def get(self) -> Checkout:
        """The checkout, once it is there.

        Raises:
            CheckoutError: If there is none.
        """
        if self._making is None:
            raise CheckoutError("the run has no git_source.")
        # One task may be cancelled while others wait for the same checkout.
        return await asyncio.shield(self._making)

    async def close(self) -> None:
        """Remove the checkout."""
        if self._making is not None:
            self._making.cancel()
            (made,) = await asyncio.gather(self._making, return_exceptions=True)
            if isinstance(made, Checkout):
                await remove_directories(made.directory)

    async def _make(self, git: GitSpec) -> Checkout:
        made = await self._checkouts.make(git, self._run.used_commit)
        self._run.used_commit = made.commit
        self._keep(self._run)
        return made


@dataclass(frozen=True)
class Surroundings:
    """Where a notebook runs, and the notebooks that it starts by `dbutils.notebook.run`.

    Attributes:
        cluster: The cluster.
        checkout: The repository of the run.
    """

    cluster: Cluster
    checkout: RunCheckout
