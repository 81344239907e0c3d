"""The Spark sessions of a warehouse: those of clients end when they are closed."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from databricks_local.runtime.warehouse.failures import RefusedError
from databricks_local.runtime.warehouse.orders import SessionOrder
from databricks_local.runtime.warehouse.sessions import Sessions

ORDER = SessionOrder("one")


class Made:
    """Sessions that are made, and how many of them are open."""

    def __init__(self) -> None:
        self.open = 0
        self.on_new = lambda: None

    def new(self) -> Any:
        self.on_new()
        self.open += 1
        conf = SimpleNamespace(get=lambda *_: "", set=lambda *_: None)
        return SimpleNamespace(conf=conf, stop=self._stop)

    def _stop(self) -> None:
        self.open -= 1


def test_a_session_is_kept_until_it_is_closed() -> None:
    made = Made()
    sessions = Sessions(made.new)
    first = sessions.begin(ORDER)
    sessions.end(ORDER, first)
    assert sessions.begin(ORDER) is first
    sessions.close("one")
    assert made.open == 0


def test_a_statement_that_waited_does_not_make_its_session_anew() -> None:
    made = Made()
    sessions = Sessions(made.new)
    sessions.begin(ORDER)
    sessions.close("one")
    with pytest.raises(RefusedError, match="closed before"):
        sessions.begin(ORDER)
    assert made.open == 0


def test_a_session_that_is_closed_while_it_is_made_is_not_kept() -> None:
    made = Made()
    sessions = Sessions(made.new)

    def close() -> None:
        closing = threading.Thread(target=sessions.close, args=("one",))
        closing.start()
        closing.join()

    made.on_new = close
    with pytest.raises(RefusedError):
        sessions.begin(ORDER)
    assert made.open == 0
