"""Countries are looked for in the files before anything is loaded."""

from __future__ import annotations

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_flows.renewable.countries import check_countries, files_with
from databricks_flows.renewable.share_files import DATA_DIRECTORY, SHARES, find_share_files


def test_unknown_countries_are_refused_with_the_nearest_names() -> None:
    files = find_share_files(DATA_DIRECTORY)
    check_countries(files, ["Switzerland", "World", "Cote d'Ivoire"])
    with pytest.raises(InputError) as refused:
        check_countries(files, ["Swizerland", "Peru", "UNITED STATES", "Qxz"])
    message = str(refused.value)
    assert "`Swizerland` (nearest: `Switzerland`" in message
    assert "`UNITED STATES` (nearest: `United States`" in message
    assert "unknown country `Qxz`, " in message
    assert "`Peru`" not in message


def test_without_countries_the_files_are_not_searched() -> None:
    assert [file.share for file in files_with(None, "")] == list(SHARES)
    with pytest.raises(InputError, match="unknown country `Qxz`"):
        files_with(["Qxz"], str(DATA_DIRECTORY))
