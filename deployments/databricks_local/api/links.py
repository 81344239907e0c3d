"""Links to the pages of this workspace."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Links:
    """Where this workspace is, for the links in its answers."""

    origin: str
    workspace_id: int

    def run_page(self, job_id: int, run_id: int) -> str:
        """The page that a person opens."""
        return f"{self.origin}/jobs/{job_id}/runs/{run_id}?o={self.workspace_id}"
