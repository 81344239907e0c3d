"""Credentials in a statement are found and hidden; other texts stay."""

from __future__ import annotations

import pytest
from databricks_blocks.sql.texts.redaction import credentials_in, without_credentials

COPY = "COPY INTO t FROM 's3://bucket/path' WITH ({}) FILEFORMAT = CSV"


@pytest.mark.parametrize(
    ("statement", "hidden"),
    [
        ("SELECT 'a' FROM t", []),
        (COPY.format("CREDENTIAL (AWS_ACCESS_KEY = 'key', AWS_SECRET_KEY = 'se''x')"), ["key", "se", "x"]),
        (COPY.format('credential(AZURE_SAS_TOKEN = "s(a)s")'), ["s(a)s"]),
        (COPY.format("ENCRYPTION (TYPE = 'AWS_SSE_C', MASTER_KEY = 'mk')"), ["AWS_SSE_C", "mk"]),
        (r"COPY INTO t FROM 'x' WITH (CREDENTIAL (AWS_SECRET_KEY = 'a\'b'))", [r"a\'b"]),
        ("CREATE CONNECTION c TYPE postgresql OPTIONS (host 'h', password 'pw')", ["pw"]),
        ("SET fs.azure.account_key = 'ak'", ["ak"]),
        ("COPY INTO t FROM 'x' WITH (CREDENTIAL my_credential)", []),
    ],
)
def test_credentials_are_found(statement: str, hidden: list[str]) -> None:
    assert sorted(credentials_in(statement)) == sorted(hidden)
    shown = without_credentials(statement, statement)
    assert all(f"'{value}'" not in shown for value in hidden)


def test_what_is_said_about_a_statement_hides_them_too() -> None:
    statement = COPY.format("CREDENTIAL (AWS_SECRET_KEY = 'se-cret')")
    assert (
        without_credentials("cannot use se-cret at s3://bucket", statement) == "cannot use *** at s3://bucket"
    )
