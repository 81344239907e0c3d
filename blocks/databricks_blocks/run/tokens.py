"""The idempotency token of a launch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID


def idempotency_token(root_flow_run_id: UUID, specification: Mapping[str, Any], generation: int = 0) -> str:
    """Name a launch so that launching it again returns the run that is there.

    Args:
        root_flow_run_id: Id of the outermost flow run. A retry keeps it, whereas a subflow gets a new id.
        specification: What is launched; a changed specification is another launch.
        generation: Counts the deliberate launches of the same specification.

    Returns:
        57 characters: the flow run id, then a hash of the rest.
    """
    text = json.dumps([specification, generation], sort_keys=True, separators=(",", ":"))
    return f"{root_flow_run_id.hex}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"
