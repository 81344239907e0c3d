"""Where Python writes no byte code, the stack's processes keep theirs in its directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dbflow.local.bytecode import bytecode_directory

SCRIPT = """
import subprocess, sys
from pathlib import Path
from dbflow.local.bytecode import keep_bytecode
keep_bytecode(Path("kept"), "some_package")
import some_package
subprocess.run([sys.executable, "-c", "import some_package.module"], check=True)
"""


@pytest.mark.parametrize(
    ("told", "compiled", "kept"),
    [("", False, False), ("1", False, True), ("1", True, False)],
    ids=["free to write", "told not to", "compiled at installation"],
)
def test_byte_code_is_kept_only_where_there_would_be_none(
    tmp_path: Path, told: str, compiled: bool, kept: bool
) -> None:
    package = tmp_path / "some_package"
    package.mkdir()
    for name in ("__init__", "module"):
        (package / f"{name}.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": told}
    if compiled:
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(package)], check=True)
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, cwd=tmp_path, env=environment)
    written = {path.name.partition(".")[0] for path in (tmp_path / "kept").rglob("some_package/*.pyc")}
    assert written == ({"__init__", "module"} if kept else set())
    assert (package / "__pycache__").exists() == (compiled or not told)


def test_all_stacks_share_the_byte_code_of_their_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert bytecode_directory(Path("stack")) == tmp_path / "share" / "dbflow" / "bytecode"
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert bytecode_directory(Path("stack")) == Path("stack", "bytecode")
