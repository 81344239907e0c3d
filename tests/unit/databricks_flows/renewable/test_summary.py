from databricks_flows.renewable.spans import Span
from databricks_flows.renewable.summary import MOST_ROWS, summary_markdown

RUN = "http://dbc.example/jobs/1/runs/2"


def test_the_latest_years_and_where_to_look() -> None:
    spans = [Span("Peru", 1985, 75.5, 2021, 60.1234), Span("A|B")]
    assert summary_markdown(spans, RUN, ["output/shw.csv"]).splitlines() == [
        "| Country or region | Latest year | First year |",
        "|---|---|---|",
        "| Peru | 60.123 % in 2021 | 75.500 % in 1985 |",
        "| A\\|B | no year has all three shares | no year has all three shares |",
        "",
        "",
        f"[Databricks run]({RUN}) · `output/shw.csv`",
    ]


def test_a_table_too_long_to_look_at_ends_with_a_count() -> None:
    text = summary_markdown([Span(str(number)) for number in range(MOST_ROWS + 2)], RUN, [])
    assert text.count("no year has all") == 2 * MOST_ROWS
    assert "2 more are in the table." in text
