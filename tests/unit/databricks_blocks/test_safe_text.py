"""Texts that are not ours look as they are, and do nothing."""

from __future__ import annotations

import html
import json
import re

import pytest
from databricks_blocks.safe_text import (
    json_text,
    markdown_code,
    markdown_link,
    markdown_text,
    one_line,
    printable,
)
from markdown_it import MarkdownIt

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False, "html": True})

EVIL = [
    "![](http://x/pixel.png)",
    "[click](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "<!-- -->",
    "a|b",
    "a\\|b",
    "back\\slash",
    "`code`",
    "```\n<b>out</b>",
    "# heading",
    "- item",
    "1. item",
    "20) item",
    "+ item",
    "=====",
    "__bold__ and snake_case and _",
    "www.x.example",
    "> quote",
    "**bold** _it_ ~~gone~~",
    "&lt;b&gt; &amp;",
    "line\nbreak",
    "two\r\n\r\nparagraphs",
    "https://x.example/",
    "a@b.example",
    "~~~\nx",
    "[ref]: http://x",
    "Côte d'Ivoire & Lao PDR (2023)",
]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain, with ümlauts 日本 🙂", "plain, with ümlauts 日本 🙂"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("windows\r\nlines", "windows\nlines"),
        ("over\rwritten", "over␍written"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[H", "␛[2J␛[H"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "␛]8;;http://x␛\\link␛]8;;␛\\"),
        ("\x1b]52;c;ZXZpbA==\x07", "␛]52;c;ZXZpbA==␇"),
        ("\x9b31m", "\\x9b31m"),
        ("\x7f", "\\x7f"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        (b"\xff.csv".decode("utf-8", "surrogateescape"), "\\udcff.csv"),
        # What is left when colours go must not be an escape, either.
        ("\x1b\x1b[0m[2J", "␛[2J"),
    ],
)
def test_controls_are_seen_and_do_nothing(text: str, seen: str) -> None:
    assert printable(text) == seen
    assert printable(seen) == seen


def test_a_name_with_line_breaks_is_still_one_line() -> None:
    assert printable("a\nb\t  c.csv", lines=False) == "a␊b␉  c.csv"


def test_json_is_printable_and_reads_as_the_value() -> None:
    value = {"exit value": "\x1b]52;c;\x07 \x9b31m \x7f \u202e ümlaut\n"}
    assert printable(json_text(value)) == json_text(value)
    assert "ümlaut" in json_text(value)
    assert json.loads(json_text(value)) == value


def test_a_line_is_one_line() -> None:
    assert one_line(" first\n\tsecond  ") == "first second"


@pytest.mark.parametrize("text", EVIL)
def test_text_in_markdown_looks_as_it_is(text: str) -> None:
    shown = MARKDOWN.render(markdown_text(text))
    assert re.fullmatch(r"<p>(.*)</p>\n", shown), shown
    assert html.unescape(shown[3:-5]) == one_line(text)
    assert not re.search(r"<(?!/?p>)", shown)


@pytest.mark.parametrize("text", ["load_csv", "data/2024-01 (new).csv", "Côte d'Ivoire, R&D & Co.!", "3.5 %"])
def test_common_names_stay_as_they_are(text: str) -> None:
    assert markdown_text(text) == text.replace("&D", "\\&D")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("see https://x.example", "see https\\://x.example"),
        ("WWW.x.example", "WWW\\.x.example"),
        ("a@b.example", "a\\@b.example"),
    ],
)
def test_addresses_do_not_become_links(text: str, written: str) -> None:
    assert markdown_text(text) == written


@pytest.mark.parametrize("text", EVIL)
def test_text_in_a_table_stays_in_its_cell(text: str) -> None:
    shown = MARKDOWN.render(f"| a | b |\n|---|---|\n| {markdown_text(text)} | last |\n")
    cells = [html.unescape(cell) for cell in re.findall("<td>(.*?)</td>", shown)]
    assert cells == [one_line(text), "last"]


@pytest.mark.parametrize("text", EVIL)
def test_code_stays_code(text: str) -> None:
    inline = MARKDOWN.renderInline(f"see {markdown_code(text)}.")
    assert html.unescape(inline) == f"see <code>{one_line(text)}</code>."
    block = MARKDOWN.render(f"{markdown_code(text, 'json')}\n\nafter")
    code = html.unescape(block).removesuffix("<p>after</p>\n")
    assert code == f'<pre><code class="language-json">{printable(text)}\n</code></pre>\n'


def test_fences_of_any_length_do_not_end_a_block() -> None:
    block = MARKDOWN.render(markdown_code("`````\n<b>", ""))
    assert block == "<pre><code>`````\n&lt;b&gt;\n</code></pre>\n"


@pytest.mark.parametrize(
    ("url", "href"),
    [
        ("https://adb-1.example/?o=7#job/1/run/2", "https://adb-1.example/?o=7#job/1/run/2"),
        ("http://x/a) ![](http://y", "http://x/a%29%20!%5B%5D%28http://y"),
    ],
)
def test_a_link_goes_where_it_says(url: str, href: str) -> None:
    shown = MARKDOWN.renderInline(markdown_link("nightly](http://y) <b>", url))
    assert shown == f'<a href="{href}">nightly](http://y) &lt;b&gt;</a>'


def test_an_address_that_is_none_of_the_web_is_no_link() -> None:
    assert MARKDOWN.renderInline(markdown_link("run", "javascript:alert(1)")) == "run"
