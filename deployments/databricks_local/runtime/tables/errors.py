"""What a statement is refused with: the errors of Spark, by their conditions."""

from databricks_local.runtime.tables.reading.tokens import quoted_name

# Docs of Spark: error conditions, and docs of Delta: error classes.
_STATES = {
    "TABLE_OR_VIEW_NOT_FOUND": "42P01",
    "TABLE_OR_VIEW_ALREADY_EXISTS": "42P07",
    "SCHEMA_NOT_FOUND": "42704",
    "SCHEMA_ALREADY_EXISTS": "42P06",
    "SCHEMA_NOT_EMPTY": "2BP01",
    "CATALOG_NOT_FOUND": "42P08",
    "CATALOG_ALREADY_EXISTS": "42P06",
    "COLUMN_ALREADY_EXISTS": "42711",
    "PARSE_SYNTAX_ERROR": "42601",
    "UNRESOLVED_VARIABLE": "42883",
    "VARIABLE_ALREADY_EXISTS": "42723",
    "DELTA_TABLE_NOT_FOUND": "42P01",
    "DELTA_MISSING_DELTA_TABLE": "42P01",
    "DELTA_METADATA_MISMATCH": "42KDG",
    "DELTA_FAILED_TO_MERGE_FIELDS": "22005",
    "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION": "42601",
    "DELTA_UNSUPPORTED_DROP_COLUMN": "0AKDC",
    "DELTA_UNSUPPORTED_RENAME_COLUMN": "0AKDC",
    "DELTA_TIMESTAMP_GREATER_THAN_COMMIT": "42816",
    "DELTA_VERSION_NOT_FOUND": "22003",
    "DELTA_CANNOT_MODIFY_APPEND_ONLY": "42809",
    "DELTA_REPLACE_WHERE_MISMATCH": "44000",
    "DELTA_ILLEGAL_USAGE": "42601",
    "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE": "42809",
    "EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE": "42809",
    "UNRESOLVED_COLUMN.WITH_SUGGESTION": "42703",
    "INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS": "21S01",
    "INSERT_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS": "21S01",
    "COPY_INTO_SOURCE_SCHEMA_INFERENCE_FAILED": "42KD9",
    "PATH_NOT_FOUND": "42K03",
}


def analysis_error(condition: str, message: str) -> Exception:
    """A statement that cannot be run as it is.

    Args:
        condition: The condition, as Spark names it.
        message: What is wrong, and what to do.
    """
    from pyspark.errors.exceptions.connect import AnalysisException

    state = _STATES.get(condition, "42000")
    return AnalysisException(
        f"[{condition}] {message} SQLSTATE: {state}", errorClass=condition, sql_state=state
    )


def syntax_error(message: str) -> Exception:
    """A statement that is not written as it has to be."""
    from pyspark.errors.exceptions.connect import ParseException

    return ParseException(
        f"[PARSE_SYNTAX_ERROR] {message}. SQLSTATE: 42601",
        errorClass="PARSE_SYNTAX_ERROR",
        sql_state="42601",
    )


def refused(what: str, instead: str) -> Exception:
    """What the local workspace does not serve, and what to use.

    Args:
        what: The statement, or the part of it.
        instead: What does the same, or as much of it as there is.
    """
    from pyspark.errors.exceptions.connect import UnsupportedOperationException

    return UnsupportedOperationException(f"{what} is not served by the local workspace: {instead}.")


def conflict(name: str, table: str) -> Exception:
    """A write that another one got in the way of.

    Args:
        name: The conflict, as Delta names it.
        table: The table.
    """
    from pyspark.errors.exceptions.connect import SparkException

    condition = _CONFLICTS.get(name, "DELTA_CONCURRENT_WRITE")
    return SparkException(
        f"[{condition}] {name}: another statement changed {table} meanwhile. Please try the operation again. "
        "SQLSTATE: 2D521",
        errorClass=condition,
        sql_state="2D521",
    )


_CONFLICTS = {
    "ConcurrentAppendException": "DELTA_CONCURRENT_APPEND",
    "ConcurrentDeleteReadException": "DELTA_CONCURRENT_DELETE_READ",
    "ConcurrentDeleteDeleteException": "DELTA_CONCURRENT_DELETE_DELETE",
    "MetadataChangedException": "DELTA_METADATA_CHANGED",
    "ProtocolChangedException": "DELTA_PROTOCOL_CHANGED",
    "ConcurrentTransactionException": "DELTA_CONCURRENT_TRANSACTION",
}


def table_not_found(parts: tuple[str, ...]) -> Exception:
    """There is no such table or view."""
    return analysis_error(
        "TABLE_OR_VIEW_NOT_FOUND",
        f"The table or view {quoted_name(*parts)} cannot be found. Verify the spelling and correctness of "
        "the "
        "schema and catalog.",
    )


def table_exists(parts: tuple[str, ...]) -> Exception:
    """There is such a table or view already."""
    return analysis_error(
        "TABLE_OR_VIEW_ALREADY_EXISTS",
        f"Cannot create table or view {quoted_name(*parts)} because it already exists. Choose a different "
        "name, "
        "drop or replace the existing object, or add the IF NOT EXISTS clause to tolerate pre-existing "
        "objects.",
    )


def schema_not_found(parts: tuple[str, ...]) -> Exception:
    """There is no such schema."""
    return analysis_error(
        "SCHEMA_NOT_FOUND",
        f"The schema {quoted_name(*parts)} cannot be found. Verify the spelling and correctness of the "
        "schema "
        "and catalog.",
    )


def catalog_not_found(name: str) -> Exception:
    """There is no such catalog."""
    return analysis_error("CATALOG_NOT_FOUND", f"The catalog {quoted_name(name)} not found.")


def not_a_table(parts: tuple[str, ...], statement: str) -> Exception:
    """A view, where a table has to be."""
    return analysis_error(
        "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE",
        f"'{statement}' expects a table but {quoted_name(*parts)} is a view.",
    )
