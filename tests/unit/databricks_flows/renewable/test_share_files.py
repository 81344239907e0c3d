"""The CSV files of an analysis are found by their columns, and refused with file, line and column."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_flows.renewable.share_files import (
    DATA_DIRECTORY,
    SHARES,
    find_fault,
    find_share_files,
    table_name,
)
from hypothesis import given
from hypothesis import strategies as st

SOLAR, HYDRO, WIND = SHARES


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def write_shares(folder: Path, **texts: str | bytes) -> None:
    """Three sound files, or the given text in place of one of them."""
    for name, share in (("solar", SOLAR), ("hydro", HYDRO), ("wind", WIND)):
        write(folder, f"{name}.csv", texts.get(name, f"Entity,Code,Year,{share}\nPeru,PER,2000,1.5\n"))


def test_the_packaged_files_are_found() -> None:
    files = find_share_files(DATA_DIRECTORY)
    assert [(file.share, file.path.name) for file in files] == [
        (SOLAR, "share-electricity-solar.csv"),
        (HYDRO, "share-electricity-hydro.csv"),
        (WIND, "share-electricity-wind.csv"),
    ]


def test_shares_are_found_by_column_name_not_by_position_or_file_name(tmp_path: Path) -> None:
    write(tmp_path, "hydro.csv", f"{SOLAR},Year,Entity,Code\n1,2000,Peru,PER\n")
    write(tmp_path, "a b.CSV", f"\ufeffEntity,Code,Year,{HYDRO}\r\nPeru,PER,2000,1\r\n")
    write(tmp_path, "x.csv", f'"Entity","Code","Year","{WIND}"\nPeru,PER,2000,1\n')
    write(tmp_path, "nuclear.csv", "Entity,Code,Year,Nuclear (% electricity)\nPeru,PER,2000,1\n")
    write(tmp_path, "notes.txt", "not a table")
    files = find_share_files(tmp_path)
    assert [file.path.name for file in files] == ["hydro.csv", "a b.CSV", "x.csv"]
    assert files[0].columns == (SOLAR, "Year", "Entity", "Code")
    assert len({file.table for file in files}) == 3


@pytest.mark.parametrize(
    ("solar", "message"),
    [
        ("", "solar.csv, line 1: empty; the first line must name the columns"),
        ("\n\n", "solar.csv, line 1: empty; the first line must name the columns"),
        (
            f"Entity;Code;Year;{SOLAR}\n",
            "solar.csv, line 1: the fields are separated by semicolons; save it with commas",
        ),
        (
            f"Entity\tCode\tYear\t{SOLAR}\n",
            "solar.csv, line 1: the fields are separated by tabs; save it with commas",
        ),
        (
            f"Entity,Year,{SOLAR}\n",
            f"solar.csv, line 1: column `Code` is missing; found `Entity`, `Year`, `{SOLAR}`",
        ),
        (f"Entity,Code,Year,Year,{SOLAR}\n", "solar.csv, line 1: column `Year` occurs 2 times"),
        ("Entity,Code,Year\n", f"no CSV file has the column `{SOLAR}`"),
        (
            f"Entity,Code,Year,{SOLAR},{SOLAR} (2)\n",
            f"solar.csv, line 1: `{SOLAR}` and `{SOLAR} (2)` could both be the share; keep one of them",
        ),
        (
            f"Entity,Code,Year,{SOLAR},{HYDRO}\n",
            f"solar.csv, line 1: `{SOLAR}` and `{HYDRO}` could both be the share; keep one of them",
        ),
        (b"Entity,Code,Year,\xff\n", "solar.csv, line 1: bytes that are not UTF-8; save the file as UTF-8"),
        (f"Entity,Code,Year,{SOLAR}\n".encode("utf-16"), "solar.csv, line 1: bytes that are not UTF-8"),
        (f'Entity,Code,Year,"{SOLAR}\n', "solar.csv, line 1: the record does not end; is a quote missing"),
        (
            f"Entity,Code,Year,{HYDRO}\n",
            f"both hydro.csv and solar.csv have the column `{HYDRO}`; keep one of them",
        ),
        ("Entity,Code,Year,Coal (% electricity)\n", f"no CSV file has the column `{SOLAR}`"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, solar: str | bytes, message: str
) -> None:
    write_shares(tmp_path, solar=solar)
    with pytest.raises(InputError) as refused:
        find_share_files(tmp_path)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no CSV file"):
        find_share_files(tmp_path)
    with pytest.raises(InputError, match="missing: no such folder"):
        find_share_files(tmp_path / "missing")


def test_every_missing_share_is_named(tmp_path: Path) -> None:
    write(tmp_path, "wind.csv", f"Entity,Code,Year,{WIND}\n")
    with pytest.raises(InputError, match=re.escape(f"no CSV file has the column `{SOLAR}`, `{HYDRO}`")):
        find_share_files(tmp_path)


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ("Peru,PER,2000\n", "line 3, 3 fields where the header has 4: `Peru,PER,2000`"),
        ("Peru,PER,2000,1,2\n", "line 3, 5 fields where the header has 4"),
        ("\nPeru,PER,2001,1\n", "line 3, an empty line; remove it"),
        ("Peru,PER,MM,1\n", "line 3, column `Year`: `MM` is not a whole number"),
        ("Peru,PER,2000.5,1\n", "line 3, column `Year`: `2000.5` is not a whole number"),
        ("Peru,PER,99999999999,1\n", "line 3, column `Year`: `99999999999` is not a whole number"),
        ("Peru,PER,,1\n", "line 3, column `Year`: `` is not a whole number"),
        ("Peru,PER,2000,n/a\n", f"line 3, column `{SOLAR}`: `n/a` is not a number"),
        ("Peru,PER,2000,NaN\n", f"line 3, column `{SOLAR}`: `NaN` is not a number"),
        ("Peru,PER,2001,1\n\n\r\nPeru,PER,2002,1\n\n", "line 4, an empty line; remove it"),
        (f"{'x' * 256},PER,2000,1\n", "line 3, column `Entity`: 256 bytes; at most 255 are possible"),
        (f"Peru,{'ü' * 128},2000,1\n", "line 3, column `Code`: 256 bytes; at most 255 are possible"),
        (f"{'x' * 5_000_000},PER,2000,1\n", "line 3, column `Entity`: 5000000 bytes; at most 255"),
        (",PER,2000,1\n", "line 3, column `Entity`: empty; every row needs an entity"),
        (
            b"Per\xfa,PER,2000,1\n",
            "line 3, column `Entity`: bytes that are not UTF-8; save the file as UTF-8",
        ),
        (b"Pe\x00ru,PER,2000,1\n", "line 3, column `Entity`: a NUL byte; save the file as text"),
        ('"Peru,PER,2000,1\n', "line 3: the record does not end; is a quote missing?"),
        ('"two\nlines",,2000,1\nPeru,PER,x,1\n', "line 5, column `Year`: `x` is not a whole number"),
    ],
)
def test_the_first_record_that_cannot_be_used_is_named(tmp_path: Path, rows: str | bytes, fault: str) -> None:
    rows = rows.encode() if isinstance(rows, str) else rows
    write_shares(tmp_path, solar=f"Entity,Code,Year,{SOLAR}\nChile,CHL,2000,\n".encode() + rows)
    solar = find_share_files(tmp_path)[0]
    assert str(find_fault(solar)).startswith(f"{solar.path}, {fault}")


@pytest.mark.parametrize(
    ("end", "ignored"),
    [("\n\n\r\n\r", ()), (f"{'x' * 255},{'y' * 255},2001,1\r\nPeru,,2001,1\rPeru,,2002,1\n", ())],
)
def test_what_spreadsheets_and_cat_make_is_no_fault(
    tmp_path: Path, end: str, ignored: tuple[str, ...]
) -> None:
    write_shares(tmp_path, solar=f"Entity,Code,Year,{SOLAR}\nPeru,PER,2000,1.5\n{end}")
    solar = find_share_files(tmp_path)[0]
    assert find_fault(solar) is None
    assert solar.ignored == ignored


@pytest.mark.parametrize(
    ("header", "ignored"),
    [
        (f"Entity,Code,Year,{SOLAR},more", ("more",)),
        (f"Unit,Entity,Code,,Year,{SOLAR},,Unit", ("Unit", "", "", "Unit")),
    ],
)
def test_columns_that_nobody_asked_for_are_ignored(
    tmp_path: Path, header: str, ignored: tuple[str, ...]
) -> None:
    columns = header.split(",")
    values = {"Entity": "Peru", "Year": "2000", SOLAR: "1.5"}
    row = ",".join(values.get(name, "x") for name in columns)
    write_shares(tmp_path, solar=f"{header}\n{row}\n")
    solar = find_share_files(tmp_path)[0]
    assert solar.ignored == ignored
    assert [solar.columns[place] for place in solar.used] == ["Entity", "Code", "Year", SOLAR]
    assert find_fault(solar) is None


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    write_shares(tmp_path)
    path = tmp_path / "other.csv"
    with socket.socket(socket.AF_UNIX) as listener:
        match kind:
            case "pipe":
                os.mkfifo(path)
            case "socket":
                listener.bind(str(path))
            case "device":
                path.symlink_to("/dev/zero")
        with pytest.raises(InputError, match=f"other.csv: a (named )?{kind}, not a regular file"):
            find_share_files(tmp_path)


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    write_shares(tmp_path)
    (tmp_path / "solar.csv").rename(tmp_path / "elsewhere")
    (tmp_path / "solar.csv").symlink_to(tmp_path / "elsewhere")
    assert find_share_files(tmp_path)[0].path.name == "solar.csv"


def test_sound_records_have_no_fault(tmp_path: Path) -> None:
    rows = 'Chile,,2000,\n"a ""quoted"", name\nin two lines",X,1999,1e-5\n'
    write_shares(tmp_path, solar=f"\ufeffEntity,Code,Year,{SOLAR}\n{rows}".replace("\n", "\r\n"))
    assert find_fault(find_share_files(tmp_path)[0]) is None


def test_a_duplicate_is_named_with_both_of_its_lines(tmp_path: Path) -> None:
    rows = "Peru,PER,2000,1\nPeru,PER,2001,1\nPeru,PER,2000,2\n"
    write_shares(tmp_path, solar=f"Entity,Code,Year,{SOLAR}\n{rows}")
    fault = find_fault(find_share_files(tmp_path)[0], duplicate=("Peru", 2000))
    assert str(fault).endswith(
        "line 4, columns `Entity` and `Year`: Peru 2000 is already in line 2; keep one of them"
    )


@given(st.text())
def test_any_text_gives_a_safe_table_name(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9_]{1,40}", table_name(text))
