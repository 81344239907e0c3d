"""Which folders of messages are certainly those of a flow run."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from databricks_blocks.pipes.bootstrap import Caller, session
from databricks_blocks.pipes.leftovers import owner_in
from databricks_blocks.pipes.pipes import Pipes

FLOW_RUN = uuid4()


def test_the_context_that_a_session_writes_names_its_flow_run() -> None:
    pipes = Pipes(volume="/Volumes/main/ops/pipes", extras={"day": "1"}, partition_key="1", asset_keys=["a"])
    (context,) = session(pipes, Caller(str(FLOW_RUN)), token="t").files.values()
    assert owner_in(context) == FLOW_RUN


@pytest.mark.parametrize(
    "other", [{"run_id": str(FLOW_RUN)}, {}, [], None, "text"], ids=["no context", "{}", "[]", "null", "text"]
)
def test_a_file_of_another_form_is_nobodys(other: Any) -> None:
    assert owner_in(json.dumps(other).encode()) is None
    assert owner_in(b"\xff{") is None


def test_a_run_of_something_else_than_prefect_is_no_flow_run() -> None:
    (context,) = session(Pipes(dbfs="dbfs:/pipes"), Caller("manual"), token="t").files.values()
    assert owner_in(context) is None
