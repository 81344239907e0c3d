"""Where a value is that Spark could not cast, which its message does not tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from databricks_blocks.csv.places import places_of

CAST = (
    "[CAST_INVALID_INPUT] The value '{}' of the type STRING cannot be cast to DOUBLE because it is malformed."
)


@pytest.mark.parametrize(
    ("texts", "message", "places"),
    [
        (["a,b\n1,2\n", "a,b\n1,2\n3,x\n"], CAST.format("x"), ["1.csv, line 3, column `b`"]),
        (
            ["a;b\n1;x\nx;2\nx;x\n"],
            CAST.format("x"),
            ["0.csv, line 2, column `b`", "0.csv, line 3, column `a`"],
        ),
        (['a,b\n"1\n1",2\n3,it\'s\n'], CAST.format("it's"), ["0.csv, line 4, column `b`"]),
        (["a,b\n1,2\n"], CAST.format("x"), []),
        (
            ["a,b\n1,2\n3,x\n"],
            "[CAST_INVALID_INPUT] Cast error: Cannot cast string 'x' to value of Float64 type",
            ["0.csv, line 3, column `b`"],
        ),
        (
            ["a,b\n1,2\n", "a,b\n1,2\n1\n1\n"],
            "[MALFORMED]",
            ["1.csv, line 3: 1 fields where the header has 2"],
        ),
        (['a,b\n"1,2\n'], "[MALFORMED]", ["0.csv, line 2: the record does not end; is a quote missing?"]),
        (["a,b,c,d\nx,x,x,x\n"], CAST.format("x"), [f"0.csv, line 2, column `{name}`" for name in "abc"]),
    ],
)
def test_the_place_is_found(tmp_path: Path, texts: list[str], message: str, places: list[str]) -> None:
    paths = [tmp_path / f"{number}.csv" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    assert places_of(message, [*paths, tmp_path / "gone.csv"]) == [f"{tmp_path}/{place}" for place in places]
