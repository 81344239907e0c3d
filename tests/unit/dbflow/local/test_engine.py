import pytest
from dbflow.local.engine import engine_to_use
from dbflow.local.errors import StackError
from dbflow.local.state import StackState, StateStore


@pytest.mark.parametrize(
    ("wanted", "running", "used"),
    [
        (None, None, "sail"),
        ("spark", None, "spark"),
        (None, "spark", "spark"),
        ("spark", "spark", "spark"),
        ("sail", "sail", "sail"),
    ],
)
def test_which_engine_a_stack_has(wanted: str | None, running: str | None, used: str) -> None:
    assert engine_to_use(wanted, running) == used


@pytest.mark.parametrize(("wanted", "running"), [("spark", "sail"), ("sail", "spark")])
def test_a_stack_that_is_up_keeps_its_engine(wanted: str, running: str) -> None:
    with pytest.raises(StackError) as refused:
        engine_to_use(wanted, running)
    assert str(refused.value) == (
        f"the local stack is up with the engine {running}: end it with `dbflow down`, then start it with "
        f"--engine {wanted}"
    )


def test_the_engine_is_kept_and_an_earlier_version_had_sail(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store = StateStore(tmp_path_factory.mktemp("stack"))
    store.save(StackState(engine="spark"))
    assert store.load().engine == "spark"
    text = store.path.read_text().replace('"engine": "spark"', '"kept": false')
    store.path.write_text(text)
    assert store.load().engine == "sail"
