"""Small programs of `tests/spark_programs`: Sail gives what Apache Spark gives, or what differs is known.

What Apache Spark gives is kept in a file, which the test on Apache Spark holds.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import databricks_local
import pytest
from databricks_local.jobs.engines import ENGINE_TAG, SAIL, SPARK
from databricks_local.runtime.sail.limits import HINT

from tests.spark_programs.differences import BOTH_REFUSE, DIFFERENCES, NO_HINT, REFUSED, RUNS

from .spark_programs_lab import Outcomes, differences, golden_of, read_golden, run_programs

README = Path(databricks_local.__file__).with_name("README.md")
HEADING = "### What differs"
SECONDS, SPARK_SECONDS = 170, 1200


@pytest.fixture(scope="module")
def golden() -> Outcomes:
    return read_golden()


@pytest.fixture(scope="module")
def on_sail(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    return run_programs(tmp_path_factory.mktemp("sail") / "root", SAIL, SECONDS)


def test_sail_gives_what_spark_gives_but_for_what_is_known(golden: Outcomes, on_sail: Outcomes) -> None:
    assert set(on_sail) == set(golden)
    assert len(programs_of(golden)) >= 150
    found = differences(golden, on_sail)
    known = {name: kind for name, (kind, _) in DIFFERENCES.items()}
    assert found == known, [name for name in {*known, *found} if known.get(name) != found.get(name)]


def test_a_limit_of_sail_ends_with_a_hint_and_no_mistake_does(golden: Outcomes, on_sail: Outcomes) -> None:
    assert ENGINE_TAG in HINT
    for key, outcome in on_sail.items():
        if "error" in outcome:
            program = without_mode(key)
            limit = program in BOTH_REFUSE or ("error" not in golden[key] and program not in NO_HINT)
            assert outcome["words"].endswith(HINT) == limit, (key, outcome["words"])


def test_the_readme_has_the_table(golden: Outcomes) -> None:
    section = README.read_text().partition(HEADING)[2].partition("\n## ")[0]
    written = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert "\n".join(written) == "\n".join(table_of(golden))


@pytest.mark.apache_spark
def test_spark_gives_what_is_kept(golden: Outcomes, tmp_path: Path) -> None:
    found = run_programs(tmp_path / "root", SPARK, SPARK_SECONDS)
    assert golden_of(found) == golden_of(golden)


def without_mode(key: str) -> str:
    theme, _, name = key.split("/")
    return f"{theme}/{name}"


def programs_of(golden: Outcomes) -> list[str]:
    return sorted({without_mode(key) for key in golden})


def table_of(golden: Outcomes) -> list[str]:
    """The rows of the table: theme, how many programs, how many are as in Spark, and what differs how."""
    themes = defaultdict(list)
    for name in programs_of(golden):
        themes[name.partition("/")[0]].append(name)
    differing = {name.partition(" ")[0] for name in DIFFERENCES}
    rows = []
    for theme, names in themes.items():
        same = len([name for name in names if name not in differing])
        refused = _told(theme, [REFUSED])
        others = _told(theme, [kind for kind, _ in DIFFERENCES.values() if kind not in (REFUSED, RUNS)])
        cells = [theme.replace("_", " "), len(names), same, refused, others, _told(theme, [RUNS])]
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return rows


def _told(theme: str, kinds: Iterable[str]) -> str:
    wanted = set(kinds)
    told = [
        what + (name[name.index(" (") :] if " (" in name else "")
        for name, (kind, what) in DIFFERENCES.items()
        if kind in wanted and name.startswith(f"{theme}/")
    ]
    return "; ".join(dict.fromkeys(told))
