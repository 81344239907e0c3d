"""What the code has said in all, for whoever started it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from databricks_blocks.pipes.pipes import AssetResult, CheckResult, PipesResult
from databricks_blocks.pipes.protocol import AssetCheck, CustomMessage, Materialization
from databricks_blocks.pipes.received import Received


def pipes_result(heard: Iterable[tuple[str, Received]], partition_key: str = "") -> PipesResult:
    """Sum up messages.

    Args:
        heard: The key of a task and what it said, in the order in which it was heard.
        partition_key: The partition that the code worked on.
    """
    assets: list[AssetResult] = []
    checks: list[CheckResult] = []
    messages: list[Any] = []
    for task_key, received in heard:
        match received.message:
            case Materialization() as made:
                assets.append(
                    AssetResult(
                        made.asset_key,
                        task_key,
                        received.attempt,
                        made.data_version,
                        partition_key,
                        made.metadata,
                    )
                )
            case AssetCheck() as check:
                checks.append(
                    CheckResult(
                        check.asset_key,
                        check.check_name,
                        check.passed,
                        task_key,
                        received.attempt,
                        check.severity,
                        partition_key,
                        check.metadata,
                    )
                )
            case CustomMessage() as custom:
                messages.append(custom.payload)
    return PipesResult(tuple(assets), tuple(checks), tuple(messages))
