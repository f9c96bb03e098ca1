"""HTML: main text, blocks, encodings, metadata."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import LoadError
from rag.loaders import load_bytes
from rag.types import Document

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title> Sound   level
 meter </title>
<meta name="author" content="Ada Holm"><meta property="article:published_time" content="2024-03-01">
<meta name="description" content="All about it"><style>p {}</style><script>var secret = 1</script></head>
<body><nav>Home | Shop</nav><header><h1>Site name</h1></header>
<main><header><h1>The HX-200</h1></header>
<p>It measures <b>bo</b>ld sounds<br>and quiet ones &amp; more.</p>loose text
<ul><li>one<ul><li>inner</li><li>last</li></ul></li><li>two <p>para</p></li></ul>
<ol start="3"><li>three<li>four</ol>
<table><caption>Prices</caption><tr><th>Model</th><th>Price</th></tr><tr><td>HX-200</td><td><p>100</p><p>EUR</p></td>
<tr><td></td><td>x</td></tr></table>
<pre>
  code
    more
</pre>
<div hidden>no</div><p style="display: none">no</p><p aria-hidden="true">no</p><template>no</template>
<dialog>no</dialog><aside>A warning.</aside><nav>no</nav></main>
<footer>Imprint</footer></body></html>"""


def shown(document: Document) -> list[tuple[str, int, str]]:
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


def test_the_main_text_comes_out_in_blocks(load_one) -> None:
    document = load_one(PAGE.encode(), "a.html")
    assert shown(document) == [
        ("heading", 1, "The HX-200"),
        ("paragraph", 0, "It measures bold sounds\nand quiet ones & more."),
        ("paragraph", 0, "loose text"),
        ("list", 0, "- one\n  - inner\n  - last\n- two para"),
        ("list", 0, "3. three\n4. four"),
        ("paragraph", 0, "Prices"),
        ("table", 0, "Model | Price\nHX-200 | 100 EUR\n| x"),
        ("code", 0, "  code\n    more"),
        ("paragraph", 0, "A warning."),
    ]
    assert document.title == "Sound level meter"
    assert document.metadata == {"author": "Ada Holm", "date": "2024-03-01", "description": "All about it"}
    assert document.media_type == "text/html"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<nav>no</nav><p>yes</p><footer>no</footer>", "yes"),
        ("<main></main><p>yes</p>", "yes"),
        ("<div role=main>yes</div><p>no</p>", "yes"),
        ("<p>intro that is long enough to matter here</p><article>teaser</article>",
         "intro that is long enough to matter here\n\nteaser"),
        ("<div>related</div><article><header>Head</header><p>the long story itself</p></article>",
         "Head\n\nthe long story itself"),
        ("<article>one</article><article>two</article>", "one\n\ntwo"),
        ("<aside>only this</aside>", "only this"),
        ("<nav>only this</nav>", "only this"),
        ("<noscript>only this</noscript>", "only this"),
        ("<header><h1>only this</h1></header>", "only this"),
        ("<p>a</p><header>b</header><div role=contentinfo>c</div>", "a"),
        ("<p hidden=until-found>found</p>", "found"),
        ("plain", "plain"),
        ("a&nbsp;b<p>c\td", "a\xa0b\n\nc d"),
        ("<table><tr><td><h2>Layout</h2><p>text</td></tr></table>", "Layout\n\ntext"),
        ("<table><tr><td><table><tr><td>a<td>b</table></table>", "a | b"),
        ("<ul><li><h3>Card</h3><p>text</ul>", "Card\n\ntext"),
        ("<ul></ul><ol><li></ol><p>x", "x"),
        ("x &#xD800; &#0; y", "x \ufffd \ufffd y"),
    ],
)  # fmt: skip
def test_what_counts_as_text(body: str, text: str, load_one) -> None:
    assert load_one(f"<title>t</title><body>{body}".encode(), "a.html").text == text


@pytest.mark.parametrize(
    ("codec", "declaration"),
    [
        ("cp1251", '<meta charset="windows-1251">'),
        ("koi8-r", '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">'),
        ("utf-8", "<meta charset=utf8>"),
        ("utf-8", '<meta charset="iso-8859-1">'),  # the common lie
        ("utf-8", '<meta charset="utf-16">'),
        ("utf-8", '<meta charset="zlib">'),
        ("utf-8", '<meta charset="no-such">'),
        ("utf-8", ""),
        ("utf-16", ""),
        ("cp1251", ""),
    ],
)
def test_the_declared_encoding_is_respected(codec: str, declaration: str, load_one) -> None:
    text = "Гарантийный срок составляет два года со дня покупки прибора."
    page = f"<html><head>{declaration}</head><body><p>{text}</p>"
    assert load_one(page.encode(codec), "a.html").text == text


def test_gb2312_is_read_as_its_superset(load_one) -> None:
    text = "保修期镕两年"  # 镕 is in GB 18030 only
    page = f'<meta charset="gb2312"><p>{text}'.encode("gb18030")
    assert load_one(page, "a.html").text == text


def test_the_title_has_fallbacks(load_one) -> None:
    assert load_one(b'<meta property="og:title" content="Shared"><p>x', "a.html").title == "Shared"
    assert load_one(b"<h1>First</h1><p>x", "a.html").title == "First"
    assert load_one(b"<svg><title>icon</title></svg><p>x", "faq.html").title == "faq"


def test_a_page_without_text_is_refused(refusal) -> None:
    assert "no text" in refusal(b"<title>App</title><script>run()</script>", "a.html").message


def test_deep_nesting_is_no_error(load_one) -> None:
    assert load_one(b"<div>" * 5000 + b"deep", "a.html").text == "deep"
    assert load_one(b"<ul><li>" * 2000 + b"deep", "a.html").text.strip().endswith("deep")


TAGS = ["p", "div", "ul", "ol", "li", "table", "tr", "td", "h1", "h2", "pre", "b", "main", "article", "header", "br",
        "nav", "section", "dl", "dt"]  # fmt: skip
MARKUP = st.one_of(
    st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS]),
    st.text("xyz é漢\n &", min_size=1, max_size=6),
)


@given(st.lists(MARKUP, max_size=40))
def test_blocks_cover_the_text_and_no_word_is_lost_or_said_twice(parts: list[str]) -> None:
    words = iter(range(10_000))
    page = "".join(f" w{next(words)} " if letter == "x" else letter for part in parts for letter in part)
    try:
        (document,) = load_bytes(page.encode(), uri="u", name="a.html")
    except LoadError:
        assert "w0" not in page or "<nav>" in page
        return
    assert isinstance(document, Document)
    position = 0
    for block in document.blocks:
        assert not document.text[position : block.start].strip()
        assert block.start < block.end
        position = block.end
    assert position == len(document.text)
    found = [word for word in document.text.split() if word.startswith("w")]
    assert len(found) == len(set(found))
    if not re.search("<(nav|header|main|article)>", page):
        assert len(found) == next(words)


@pytest.mark.parametrize(
    "style",
    [
        "font-size:0",
        "font-size: 0px; margin: 0",
        "opacity:0",
        "opacity: 0.0",
        "color: transparent",
        "color:#fff",
        "color: white; font-weight: bold",
        "color:rgb(255, 255, 255)",
        "color:#333;background:#333333",
        "position:absolute; left:-9999px",
        "visibility:collapse",
        "text-indent:-5000px",
        "clip:rect(0,0,0,0)",
    ],
)
def test_what_no_reader_sees_is_no_text(style: str, load_one) -> None:
    assert load_one(f'<p>yes</p><p style="{style}">no</p>'.encode(), "a.html").text == "yes"
    assert load_one(f'<p>yes <span style="{style}">no</span></p>'.encode(), "a.html").text == "yes"


@pytest.mark.parametrize(
    "page",
    [
        '<p style="font-size:0.8em">yes</p>',
        '<p style="font-size:10px">yes</p>',
        '<p style="opacity:0.5">yes</p>',
        '<p style="margin-left:-10px">yes</p>',
        '<p style="color:#fff;background:#000">yes</p>',
        '<div style="background-color:black"><p style="color:white">yes</p></div>',
        '<table><tr><td bgcolor="#000000"><h3 style="color:#FFF">yes</h3></table>',
        '<style>body { background: #222 }</style><p style="color:white">yes</p>',
        '<p style="background-color:#fff">yes</p>',
        '<p style="border-color:white">yes</p>',
    ],
)
def test_what_a_reader_sees_is_text(page: str, load_one) -> None:
    assert load_one(page.encode(), "a.html").text == "yes"


def test_an_element_of_a_colour_is_looked_at_once_however_many_and_deep(load_one) -> None:
    """Asking its ancestors, or the page for style sheets, for each took minutes."""
    wide = "<p>seen <span style='color:white'>unseen</span></p>" * 20_000
    deep = "<span style='color:red'>x" * 10_000
    started = time.monotonic()
    for source in (wide, deep):
        document = load_one(f"<html><body><p>first</p>{source}</body></html>".encode(), "a.html")
        assert document.text.startswith("first") and "unseen" not in document.text
    assert time.monotonic() - started < 30


def test_a_colour_left_blank_hides_nothing(load_one) -> None:
    page = "<style>p {}</style><p>first</p><p style='color: ;'>seen</p>"
    assert "seen" in load_one(page.encode(), "a.html").text
