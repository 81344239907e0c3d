"""The text of COPY INTO, clause by clause."""

from __future__ import annotations

import re
from typing import Any

import pytest
from databricks_blocks.csv.faults import InputError
from databricks_blocks.sql.texts.copy_into import MOST_FILES, CopyInto
from pydantic import SecretStr

KEYS = {"AWS_ACCESS_KEY": "AKIA", "AWS_SECRET_KEY": SecretStr("it's secret"), "AWS_SESSION_TOKEN": "t"}


@pytest.mark.parametrize(
    ("given", "clause"),
    [
        ({}, "COPY INTO `elt`.`plants`\nFROM 's3://b/in'\nFILEFORMAT = CSV"),
        ({"table": "main.elt.`a``b`"}, "COPY INTO `main`.`elt`.`a``b`\n"),
        ({"table": "my-schema.x; DROP TABLE y"}, "COPY INTO `my-schema`.`x; DROP TABLE y`\n"),
        ({"source": "s3://b/it's' FILEFORMAT"}, r"FROM 's3://b/it\'s\' FILEFORMAT'"),
        ({"file_format": "json"}, "FILEFORMAT = JSON"),
        ({"files": ["a.csv", "it's.csv", "a.csv"]}, r"FILES = ('a.csv', 'it\'s.csv')"),
        ({"pattern": "*.{csv,txt}"}, "PATTERN = '*.{csv,txt}'"),
        ({"select": "id, CAST(d AS DATE) AS d"}, "FROM (SELECT id, CAST(d AS DATE) AS d FROM 's3://b/in')"),
        ({"validate": "all"}, "FILEFORMAT = CSV\nVALIDATE ALL"),
        ({"validate": 15}, "FILEFORMAT = CSV\nVALIDATE 15 ROWS"),
        (
            {"format_options": {"header": True, "sep": "'", "maxColumns": 5}},
            r"FORMAT_OPTIONS ('header' = 'true', 'sep' = '\'', 'maxColumns' = '5')",
        ),
        ({"force": True}, "COPY_OPTIONS ('force' = 'true')"),
        (
            {"force": True, "copy_options": {"mergeSchema": True}},
            "COPY_OPTIONS ('mergeSchema' = 'true', 'force' = 'true')",
        ),
        ({"credential": "my-keys"}, "FROM 's3://b/in' WITH (CREDENTIAL `my-keys`)\n"),
        (
            {"credential": KEYS},
            "WITH (CREDENTIAL (AWS_ACCESS_KEY = 'AKIA', AWS_SECRET_KEY = 'it\\'s secret',"
            " AWS_SESSION_TOKEN = 't'))",
        ),
        (
            {"credential": "k", "encryption": {"TYPE": "AWS_SSE_C", "MASTER_KEY": "m"}, "select": "*"},
            "FROM (SELECT * FROM 's3://b/in' WITH (CREDENTIAL `k` ENCRYPTION (TYPE = 'AWS_SSE_C',"
            " MASTER_KEY = 'm')))",
        ),
    ],
)
def test_each_option_has_its_clause(given: dict[str, Any], clause: str) -> None:
    [text] = CopyInto(**{"table": "elt.plants", "source": "s3://b/in"} | given).statements()
    assert clause in text
    assert text.count("COPY INTO") == 1


@pytest.mark.parametrize(
    ("number", "statements"), [(0, 0), (1, 1), (MOST_FILES, 1), (MOST_FILES + 1, 2), (2 * MOST_FILES + 1, 3)]
)
def test_files_are_named_in_batches_each_of_them_once(number: int, statements: int) -> None:
    names = [f"{place}.csv" for place in range(number)]
    texts = CopyInto("t", "/Volumes/main/elt/in", files=names).statements()
    assert len(texts) == statements
    assert re.findall(r"'(\d+\.csv)'", " ".join(texts)) == names


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"source": " "}, "source: name the folder"),
        ({"file_format": "EXCEL"}, "file_format `EXCEL`: it is one of AVRO"),
        ({"files": ["a"], "pattern": "*"}, "names of files or a pattern, not both"),
        ({"files": "a.csv"}, "give a list of names"),
        ({"validate": 0}, "validate=0: it is `all`, or a number of rows of at least 1"),
        ({"validate": True}, "validate=True: it is `all`"),
        ({"validate": "some"}, "validate='some'"),
        ({"force": True, "copy_options": {"Force": False}}, "`force` is given twice"),
        ({"credential": {"A B": "x"}}, "`A B` is not the name of a key"),
        ({"table": "a`b"}, "`a`b` is not the name of a table"),
        ({"files": ["a\x00"]}, "has a character that SQL does not take"),
    ],
)
def test_what_cannot_be_copied_is_refused_before_anything_is_sent(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        CopyInto(**{"table": "elt.plants", "source": "s3://b/in"} | given).statements()


def test_keys_are_not_shown() -> None:
    assert "secret" not in repr(CopyInto("t", "s3://b", credential=KEYS, encryption={"MASTER_KEY": "secret"}))
