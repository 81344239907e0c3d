"""Where a flow run comes from, which decides how it ends when it is interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from prefect import get_client

from databricks_flows.ending.cancel_watch import ending_when_cancelled, until_cancelled
from databricks_flows.ending.endings import Ending, ending_of
from databricks_flows.ending.interruption import Termination, is_cancel_requested


@dataclass(frozen=True)
class Origin:
    """Where a flow run comes from.

    Attributes:
        flow_run_ids: The flow run and its parents, the outermost last, as in `CallIdentity`.
        deployed: Whether one of them is the run of a deployment. A subflow has no deployment of its own.
    """

    flow_run_ids: Sequence[UUID]
    deployed: bool

    @classmethod
    async def of(cls, flow_run_ids: Sequence[UUID]) -> Origin:
        """Ask Prefect.

        Args:
            flow_run_ids: The flow run and its parents, the outermost last.
        """
        async with get_client() as client:
            for flow_run_id in flow_run_ids:
                if (await client.read_flow_run(flow_run_id)).deployment_id is not None:
                    return cls(flow_run_ids, deployed=True)
        return cls(flow_run_ids, deployed=False)

    async def ending(self, error: BaseException, termination: Termination) -> Ending:
        """Decide how the flow run ends.

        Args:
            error: The error that ends it.
            termination: Whether its process was told to end.
        """
        requested = termination.received and await is_cancel_requested(self.flow_run_ids)
        return ending_of(
            error, terminated=termination.received, deployed=self.deployed, cancel_requested=requested
        )

    def ending_when_cancelled(self, max_unreachable: float) -> AbstractAsyncContextManager[None]:
        """Cancel the work inside when a person cancels the flow run, or one around it.

        Args:
            max_unreachable: Seconds for which the Prefect server may fail to answer.

        Raises:
            CancelledInPrefect: The flow run was cancelled; the work inside has come to its end.
            PrefectUnreachable: The Prefect server did not answer for longer; likewise.
        """
        return ending_when_cancelled(
            partial(
                until_cancelled, self.flow_run_ids, deployed=self.deployed, max_unreachable=max_unreachable
            )
        )
