"""What a cell prints, however much that is."""

import threading
import time

from databricks_local.runtime.notebook import run_notebook
from databricks_local.runtime.outputs import MAX_CELL_CHARACTERS, MAX_CELL_PIECES, CellResult

HEADER = "# Databricks notebook source\n"


def cell() -> CellResult:
    return CellResult(0, "python", "")


def texts(result: CellResult) -> list[tuple[str, str]]:
    return [(output.kind, output.text) for output in CellResult.from_dict(result.as_dict()).outputs]


def test_pieces_of_a_stream_are_joined_and_others_keep_their_place() -> None:
    result = cell()
    for kind, text in (("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d"), ("stdout", "e")):
        result.add_text(kind, text)
    assert texts(result) == [("stdout", "ab"), ("stderr", "c"), ("stdout", "de")]


def test_what_is_too_long_is_cut_once_and_said() -> None:
    result = cell()
    for _ in range(3):
        result.add_text("stdout", "x" * (MAX_CELL_CHARACTERS - 1))
    result.add_text("stderr", "y")
    (output,) = CellResult.from_dict(result.as_dict()).outputs
    assert (len(output.text), output.truncated) == (MAX_CELL_CHARACTERS, True)


def test_streams_in_turn_have_a_limit_of_pieces() -> None:
    result = cell()
    for _ in range(MAX_CELL_PIECES):
        result.add_text("stdout", "o")
        result.add_text("stderr", "e")
    outputs = CellResult.from_dict(result.as_dict()).outputs
    assert len(outputs) == MAX_CELL_PIECES
    assert [output.truncated for output in outputs] == [False] * (MAX_CELL_PIECES - 1) + [True]


def test_threads_that_write_at_once_lose_nothing() -> None:
    result = cell()

    def write(kind: str) -> None:
        for _ in range(2_000):
            result.add_text(kind, "x")

    threads = [threading.Thread(target=write, args=(kind,)) for kind in ("stdout", "stderr") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(text) for _, text in texts(result)) == 8_000


def test_400_000_lines_in_turn_take_no_time_that_grows_with_their_square() -> None:
    source = (
        "import sys\nfor i in range(200_000):\n    print('line', i)\n    print('line', i, file=sys.stderr)\n"
    )
    began = time.process_time()
    result = run_notebook(HEADER + source, {}, None)
    # Processor time: other work on this machine does not count. It took minutes before.
    assert time.process_time() - began < 5
    assert result.error == ""
    assert len(result.cells[0].outputs) == MAX_CELL_PIECES
    assert result.cells[0].outputs[-1].truncated
    assert sum(len(output.text) for output in result.cells[0].outputs) <= MAX_CELL_CHARACTERS
