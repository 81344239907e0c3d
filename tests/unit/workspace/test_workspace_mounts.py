"""The mount namespace of a process, entered as root and as anybody."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.local.workspace.mounts import GUARDED_EVENTS

SCRIPT = """
import ctypes, json, os, sys
from pathlib import Path
from deployments.local.workspace.mounts import Mounts, enter

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


@pytest.mark.parametrize("who", ["stay", "drop"])
def test_a_process_sees_the_places_and_no_other_does(tmp_path: Path, who: str) -> None:
    for name in ("scratch", "dbfs", "vol", "hidden"):
        (tmp_path / name).mkdir(mode=0o777)
        (tmp_path / name).chmod(0o777)
    for above in (tmp_path, *tmp_path.parents[:-2]):
        above.chmod(0o755 if above == tmp_path else above.stat().st_mode | 0o111)
    (tmp_path / "dbfs" / "file").write_text("in dbfs")
    (tmp_path / "hidden" / "secret").write_text("not for tasks")
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), who], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    places, text, hidden, same_root, directory = json.loads(ended.stdout)
    assert (text, directory) == ("in dbfs", str(tmp_path))
    assert (tmp_path / "vol" / "made").read_text() == "by the child"
    if sys.platform == "linux":
        assert places == {"/dbfs": "/dbfs", "/Volumes": "/Volumes"}
        assert (hidden, same_root) == ([], True)
    assert not Path("/dbfs/file").exists()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_is_guarded_without_one() -> None:
    assert {"open", "os.listdir", "os.mkdir"} <= GUARDED_EVENTS
