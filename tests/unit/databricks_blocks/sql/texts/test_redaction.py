"""Credentials in a statement are found and hidden; other texts stay."""

from __future__ import annotations

import pytest
from databricks_blocks.sql.texts.redaction import (
    credentials_in,
    without_credential_groups,
    without_credentials,
)

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
        ("SET fs.azure.account.key = 'K'", ["K"]),
        ("SET x.password = Kunquoted", ["Kunquoted"]),
        ("CREATE CONNECTION c OPTIONS (api_key 'K1', pem_private_key 'K2')", ["K1", "K2"]),
        ("CREATE TABLE t OPTIONS ('fs.s3a.secret.key' = 'K')", ["K"]),
        ("SELECT * FROM read_files('https://a/b?sv=2&sig=K%2F')", ["K%2F"]),
        ("SELECT * FROM read_files('https://a/b?X-Amz-Signature=K')", ["K"]),
        ("SELECT 'a' AS disaster, keyword FROM t WHERE monkey = 'b'", []),
        ("COPY INTO t FROM 'x' WITH (CREDENTIAL my_credential)", []),
    ],
)
def test_credentials_are_found(statement: str, hidden: list[str]) -> None:
    assert sorted(credentials_in(statement)) == sorted(hidden)
    shown = without_credentials(statement, statement)
    assert all(f"'{value}'" not in shown and f"={value}" not in shown for value in hidden)
    assert not any(value in shown for value in hidden if len(value) > 6)


def test_what_is_said_about_a_statement_hides_them_too() -> None:
    statement = COPY.format("CREDENTIAL (AWS_SECRET_KEY = 'se-cret')")
    assert (
        without_credentials("cannot use se-cret at s3://bucket", statement) == "cannot use *** at s3://bucket"
    )


def test_a_short_value_hides_nothing_that_only_looks_like_it() -> None:
    statement = "DELETE FROM t WHERE account_key = '1'"
    assert without_credentials(statement, statement) == "DELETE FROM t WHERE account_key = '***'"
    told = "line 1, pos 11: 100 rows of 2021-01-11"
    assert without_credentials(told, statement) == told


def test_only_groups_of_credentials_are_left_out_of_what_tells_statements_apart() -> None:
    insert = "INSERT INTO t SELECT * FROM u WHERE account_key = '{}' AND disaster = '{}'"
    assert len({without_credential_groups(insert.format(*v)) for v in ("ab", "bb", "ac")}) == 3
    keys = COPY.format("CREDENTIAL (AWS_SECRET_KEY = '{}'), ENCRYPTION (MASTER_KEY = '{}')")
    assert without_credential_groups(keys.format("a", "b")) == without_credential_groups(
        keys.format("c", "d")
    )
