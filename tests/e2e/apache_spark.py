"""An environment for Apache Spark alone: `pyspark` and `pyspark-client` install the same package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

REQUIREMENT = "pyspark[connect]>=4,<5"
CACHE = Path(__file__).parents[2] / ".venv-apache-spark"
OLDEST_JAVA = 17


def check_java() -> None:
    """Make sure that there is a Java where pyspark looks for it; without one it would say nothing that helps.

    Raises:
        RuntimeError: There is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    command = str(Path(home, "bin", "java")) if home else "java"
    try:
        answer = subprocess.run([command, "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        answer = ""
    found = re.search(r'version "(\d+)', answer)
    if found is None or int(found[1]) < OLDEST_JAVA:
        what = f"is Java {found[1]}" if found else "is none"
        raise RuntimeError(
            f"Apache Spark needs Java {OLDEST_JAVA} or newer, and `{command}` {what}: run .ci/install-java"
        )


def apache_spark_python() -> str:
    """Python of the environment, which is made where it is not there, or not complete.

    Raises:
        RuntimeError: It cannot be made, or there is no Java.
    """
    check_java()
    CACHE.mkdir(exist_ok=True)
    wanted = f"{REQUIREMENT}, Python {sys.version}\n"
    complete, environment = CACHE / "complete", CACHE / "environment"
    python = str(environment / "bin" / "python")
    with FileLock(CACHE / "lock"):
        if not complete.exists() or complete.read_text(encoding="utf-8") != wanted:
            complete.unlink(missing_ok=True)
            shutil.rmtree(environment, ignore_errors=True)
            _uv("venv", "--python", sys.executable, str(environment))
            _uv("pip", "install", "--python", python, REQUIREMENT)
            complete.write_text(wanted, encoding="utf-8")
    return python


def _uv(*arguments: str) -> None:
    command = os.environ.get("UV") or shutil.which("uv")
    if command is None:
        raise RuntimeError("`uv` makes the environment of Apache Spark, and is not on the PATH")
    ended = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"uv {' '.join(arguments)} failed:\n{ended.stderr}")
