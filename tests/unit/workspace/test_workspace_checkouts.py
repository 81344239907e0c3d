from pathlib import Path

import pytest

from deployments.local.workspace.checkouts import Checkout, CheckoutError

HEADER = "# Databricks notebook source\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    directory = tmp_path / "checkout"
    (directory / "etl").mkdir(parents=True)
    (directory / "etl" / "script.py").write_text("x = 1\n")
    (directory / "etl" / "book.py").write_text(f"{HEADER}x = 1\n")
    for name in ("outside.py", "checkout.py"):
        (tmp_path / name).write_text(f"{HEADER}x = 1\n")
    return Checkout(directory, "c0ffee")


def test_files_and_notebooks(checkout: Checkout) -> None:
    assert checkout.file("etl/script.py").read_text() == "x = 1\n"
    assert checkout.file("./etl//script.py").read_text() == "x = 1\n"
    assert checkout.notebook_source("etl/book") == checkout.notebook_source("etl/book.py")


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "etl",
        "none.py",
        "../outside.py",
        "etl/../../outside.py",
        "/etc/passwd",
        "a\0b",
        "é" * 200,
        "x" * 256,
    ],
)
def test_what_is_not_in_a_checkout(checkout: Checkout, path: str) -> None:
    with pytest.raises(CheckoutError, match=r"there is no file .* in commit c0ffee"):
        checkout.file(path)
    with pytest.raises(CheckoutError, match=r"there is no notebook .* in commit c0ffee"):
        checkout.notebook_source(path)


def test_a_script_is_no_notebook(checkout: Checkout) -> None:
    with pytest.raises(CheckoutError, match=r"there is no notebook etl/script in commit c0ffee"):
        checkout.notebook_source("etl/script")
