"""What Sail gives otherwise than Apache Spark: how, and what it is.

`refused`: an error where Spark has a result. `runs`: a result where Spark has an error. `value`, `type`: others. With a
mode, the difference is there in that mode only.
"""

REFUSED, RUNS, VALUE, TYPE = "refused", "runs", "value", "type"

NO_SQL = "arithmetic with texts in SQL"

DIFFERENCES: dict[str, tuple[str, str]] = {
    "aggregates/having": (REFUSED, "`HAVING` after `GROUP BY ALL`"),
    "aggregates/overflowing_sum (ANSI on)": (RUNS, "a sum that overflows"),
    "aggregates/percentiles": (VALUE, "`percentile_approx` interpolates"),
    "aggregates/pivoted_in_sql": (REFUSED, "`PIVOT` in SQL"),
    "arithmetic/branches_of_two_types": (TYPE, "`CASE` and `if` have the type of their first branch"),
    "arithmetic/decimals_added": (VALUE, "quotients of decimals are cut off, not rounded"),
    "arithmetic/double_division_by_zero (ANSI off)": (TYPE, "`x / 0` is `void`"),
    "arithmetic/integer_overflow (ANSI on)": (RUNS, "`int` overflows"),
    "arithmetic/long_overflow (ANSI on)": (RUNS, "`bigint` overflows"),
    "arithmetic/numbers_of_other_widths (ANSI on)": (TYPE, "`bigint + float` is `float`"),
    "arithmetic/rounding": (VALUE, "`bround` of decimals"),
    "casts/collections_to_text": (REFUSED, "casts of structs to text"),
    "casts/dates_to_text": (VALUE, "`string(timestamp)` is `2024-01-05T01:02:03.500Z`"),
    "casts/fraction_to_integer (ANSI off)": (REFUSED, "casts of literals that do not fit"),
    "casts/invalid_text_to_decimal (ANSI off)": (REFUSED, "casts to decimal of texts that are no numbers"),
    "casts/numbers_to_text": (VALUE, "large and small doubles as text"),
    "casts/too_large_double_to_integer (ANSI off)": (REFUSED, "casts of doubles that are too large"),
    "casts/too_large_integer_to_byte (ANSI off)": (REFUSED, "casts of integers that are too large"),
    "dates/between_dates": (TYPE, "`datediff` is `bigint`"),
    "dates/dates_subtracted": (VALUE, "`date - date` is a number"),
    "dates/dates_that_cannot_be_made (ANSI off)": (REFUSED, "`make_date` of what is no date"),
    "dates/seconds_since_1970": (VALUE, "`timestamp_seconds` drops fractions"),
    "files/csv_with_a_schema": (REFUSED, "CSV values that do not fit the schema"),
    "files/csv_with_inferred_types": (TYPE, "`inferSchema` finds `bigint`, not `int`"),
    "files/csv_with_other_separators": (VALUE, "`nullValue` of a CSV file whose values are quoted otherwise"),
    "files/csv_with_short_lines": (REFUSED, "CSV lines that are too short"),
    "files/json_nested": (VALUE, "columns of JSON files are in the order of the file"),
    "files/json_of_several_lines": (REFUSED, "`multiLine` JSON"),
    "files/merged_schemas": (REFUSED, "`mergeSchema`"),
    "files/names_of_files": (REFUSED, "`input_file_name`"),
    "files/one_file_by_coalesce": (VALUE, "`coalesce(1)` writes several files"),
    "files/orc": (REFUSED, "ORC"),
    "files/partitions": (TYPE, "columns of partitions are texts"),
    "functions/function_of_sql": (REFUSED, "`CREATE FUNCTION`"),
    "functions/two_groups_by_pandas": (REFUSED, "`cogroup` of nullable columns"),
    "joins/correlated_subquery": (REFUSED, "a subquery that is correlated with its own table"),
    "joins/union_by_name": (TYPE, "missing columns of `unionByName` are `void`"),
    "joins/union_of_other_types": (TYPE, "`union` has the type of its first table"),
    "nested/any_and_all": (REFUSED, "`zip_with`"),
    "nested/arrays_of_mixed_types (ANSI on)": (RUNS, "arrays of texts and numbers"),
    "nested/element_beyond_the_end (ANSI off)": (REFUSED, "`element_at` beyond the end"),
    "nested/exploded_maps": (REFUSED, "`explode` of a literal map"),
    "nested/json_paths": (VALUE, "`get_json_object` keeps spaces"),
    "nested/maps_changed": (REFUSED, "`transform_values`"),
    "pandas_api/described": (VALUE, "rows of `describe` have no order"),
    "tables/aliases_that_are_used_again": (REFUSED, "an alias that the same `SELECT` uses"),
    "tables/crossed": (VALUE, "`crosstab` leaves out null"),
    "tables/frequent_items": (REFUSED, "`freqItems`"),
    "tables/names_of_windows": (VALUE, "names of columns of window functions"),
    "tables/names_without_alias_in_sql": (VALUE, "names of columns with negative numbers"),
    "tables/quantiles": (REFUSED, "`approxQuantile`"),
    "tables/query_by_pipes": (REFUSED, "`FROM` first, and pipes"),
    "tables/recursive_query": (REFUSED, "`WITH RECURSIVE`"),
    "tables/shown": (VALUE, "`show(vertical=True)`, and large doubles in `show`"),
    "texts/extracting_all": (TYPE, "`regexp_count` is `bigint`"),
    "texts/lookarounds": (REFUSED, "look-around in patterns"),
    "texts/split_with_a_limit": (VALUE, "`split` by an empty text"),
    "texts_as_numbers/branches_of_text_and_integer (ANSI off)": (
        REFUSED,
        "`coalesce` and `if` of texts and numbers",
    ),
    "texts_as_numbers/expression_of_text (ANSI off)": (REFUSED, NO_SQL),
    "texts_as_numbers/filter_by_a_text (ANSI off)": (REFUSED, NO_SQL),
    "texts_as_numbers/select_expression_of_text (ANSI off)": (REFUSED, NO_SQL),
    "texts_as_numbers/sql_average_of_text": (REFUSED, NO_SQL),
    "texts_as_numbers/sql_text_in_a_filter (ANSI off)": (REFUSED, NO_SQL),
    "texts_as_numbers/sql_text_plus_one (ANSI off)": (REFUSED, NO_SQL),
    "texts_as_numbers/sql_text_plus_text (ANSI off)": (REFUSED, NO_SQL),
    "texts_as_numbers/text_divided_by_integer (ANSI on)": (
        RUNS,
        "fractions in texts are divided by integers",
    ),
    "texts_as_numbers/texts_in_a_lambda (ANSI off)": (REFUSED, "arithmetic with texts in lambda functions"),
    "texts_as_numbers/union_of_integer_and_text": (TYPE, "`UNION` of numbers and texts"),
    "windows/intervals_as_ranges": (VALUE, "`RANGE` of an interval of days"),
}

BOTH_REFUSE = frozenset(
    {
        "texts_as_numbers/filter_by_a_text",
        "texts_as_numbers/select_expression_of_text",
        "texts_as_numbers/sql_text_in_a_filter",
        "texts_as_numbers/sql_text_plus_one",
        "texts_as_numbers/texts_in_a_lambda",
    }
)
"""What Sail refuses for its limits, while Spark in ANSI mode would go on, and stumble over the values."""

NO_HINT = frozenset(
    {
        "aggregates/having",
        "aggregates/pivoted_in_sql",
        "tables/aliases_that_are_used_again",
        "tables/recursive_query",
    }
)
"""What is refused by words that a mistake of the user's would have, too."""
