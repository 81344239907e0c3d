import asyncio
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from databricks_local.git.checkouts import Checkout, CheckoutError, Checkouts
from databricks_local.jobs.specs import GitSpec
from databricks_local.storage.leftovers import remove_leftovers

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
        "x/" * 3000 + "x",
        "etl/book/",
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


def test_what_a_killed_server_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("0123456789abcdef", "0123456789abcdef.git", "mine"):
        (tmp_path / name / "deep").mkdir(parents=True)
    Checkouts(tmp_path)
    assert [place.name for place in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine" / "deep").is_dir()


def test_a_link_that_was_left_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "left").symlink_to(tmp_path / "kept")
    remove_leftovers(tmp_path, re.compile("left"))
    assert [place.name for place in tmp_path.iterdir()] == ["kept"]
    remove_leftovers(tmp_path / "absent", re.compile(".*"))


def test_a_checkout_that_is_cancelled_at_its_very_end_leaves_nothing(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(origin)], check=True)
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    subprocess.run(["git", *author, "-C", origin, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    git = GitSpec(str(origin), "branch", "main")

    async def cancel_while_the_git_directory_is_removed() -> None:
        loop, reached, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

        def hold() -> None:
            loop.call_soon_threadsafe(reached.set)
            release.wait()

        loop.set_default_executor(ThreadPoolExecutor(1, initializer=hold))
        making = asyncio.create_task(Checkouts(tmp_path / "made").make(git))
        await reached.wait()
        assert len(list((tmp_path / "made").iterdir())) == 2
        making.cancel()
        release.set()
        with pytest.raises(asyncio.CancelledError):
            await making

    asyncio.run(cancel_while_the_git_directory_is_removed())
    assert list((tmp_path / "made").iterdir()) == []
