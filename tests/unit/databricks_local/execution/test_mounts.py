"""The mount namespace of a process, entered as root and as anybody."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from databricks_local.execution.mounts import GUARDED_EVENTS

SCRIPT = """
import ctypes, json, os, sys
from pathlib import Path
from databricks_local.execution.mounts import Mounts, enter

base, drop = Path(sys.argv[1]), sys.argv[2] == "drop" and os.getuid() == 0
before = sorted(name for name in os.listdir("/") if name not in ("dbfs", "Volumes"))
if drop:
    os.setgid(65534)
    os.setuid(65534)
    # PR_SET_DUMPABLE: without it, /proc/self belongs to root after the change.
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
os.chdir(base)
places = enter(Mounts(str(base / "scratch"), {"/dbfs": str(base / "dbfs"), "/Volumes": str(base / "vol")},
                      (str(base / "hidden"),)))
text = Path(places["/dbfs"], "file").read_text()
Path(places["/Volumes"], "made").write_text("by the child")
after = sorted(name for name in os.listdir("/") if name not in ("dbfs", "Volumes"))
print(json.dumps([dict(places), text, os.listdir(base / "hidden"), before == after, os.getcwd()]))
"""


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory that anybody may enter: that of pytest is closed again by any other session that starts."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve()


@pytest.mark.parametrize("who", ["stay", "drop"])
def test_a_process_sees_the_places_and_no_other_does(open_path: Path, who: str) -> None:
    for name in ("scratch", "dbfs", "vol", "hidden"):
        (open_path / name).mkdir(mode=0o777)
        (open_path / name).chmod(0o777)
    (open_path / "dbfs" / "file").write_text("in dbfs")
    (open_path / "hidden" / "secret").write_text("not for tasks")
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(open_path), who], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    places, text, hidden, same_root, directory = json.loads(ended.stdout)
    assert (text, directory) == ("in dbfs", str(open_path))
    assert (open_path / "vol" / "made").read_text() == "by the child"
    if sys.platform == "linux":
        assert places == {"/dbfs": "/dbfs", "/Volumes": "/Volumes"}
        assert (hidden, same_root) == ([], True)
    assert not Path("/dbfs/file").exists()
    assert list((open_path / "scratch").iterdir()) == []


def test_what_is_guarded_without_one() -> None:
    assert {"open", "os.listdir", "os.mkdir"} <= GUARDED_EVENTS
