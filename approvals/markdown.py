"""Markdown that a model or a person wrote, as safe HTML. Nothing in it is loaded, runs, or poses as part of the page.

Three guards, one behind the other: raw HTML in it is text; only what is named here is written, with every text shown
as elsewhere (approvals/showing.py); and what was written goes through an allow-list. What Markdown would leave out
(where links lead, their titles, definitions nobody refers to, the numbers of a list) is shown all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import urlsplit

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from approvals.showing import visible

# Letters of Markdown, and of HTML that may come of it: a short reference to a long link can be used very often.
MOST, MOST_HTML = 50_000, 1_000_000
# Each may begin a link that never ends, which takes the reader of Markdown long to find out.
MOST_BRACKETS = 5_000
LONGEST_SOURCE = 300
# Lists in quotes in lists; what is deeper would be left out without a word.
DEEPEST = 40
SCHEMES = frozenset({"http", "https", "mailto"})
# Headings are no headings of the page they stand on.
HEADING = '<p class="head">'
TAGS = {
    "paragraph_open": "<p>",
    "paragraph_close": "</p>",
    "heading_open": HEADING,
    "heading_close": "</p>",
    "blockquote_open": "<blockquote>",
    "blockquote_close": "</blockquote>",
    "bullet_list_open": "<ul>",
    "bullet_list_close": "</ul>",
    "ordered_list_open": "<ol>",
    "ordered_list_close": "</ol>",
    "list_item_close": "</li>",
    "hr": "<hr>",
    "table_open": "<table>",
    "table_close": "</table>",
    "thead_open": "<thead>",
    "thead_close": "</thead>",
    "tbody_open": "<tbody>",
    "tbody_close": "</tbody>",
    "tr_open": "<tr>",
    "tr_close": "</tr>",
    "th_open": "<th>",
    "th_close": "</th>",
    "td_open": "<td>",
    "td_close": "</td>",
    "strong_open": "<strong>",
    "strong_close": "</strong>",
    "em_open": "<em>",
    "em_close": "</em>",
    "s_open": "<s>",
    "s_close": "</s>",
    "softbreak": "\n",
    "hardbreak": "<br>",
}
KEPT = {"a", "bdi", "blockquote", "br", "code", "em", "hr", "li", "ol", "p", "pre", "s", "span", "strong", "ul"}
KEPT |= {"table", "tbody", "td", "th", "thead", "tr"}
CLASSES = {"span": {"ctl", "to", "img"}, "p": {"head"}}


class TooLong(Exception):
    """This text is too long to be shown as Markdown, so here it is as it was written."""


class NoMarkdown(Exception):
    """This text cannot be read as Markdown, so here it is as it was written."""


def rendered(text: str) -> SafeString:
    """Raises TooLong or NoMarkdown."""
    if len(text) > MOST:
        raise TooLong(TooLong.__doc__)
    if text.count("[") > MOST_BRACKETS:
        raise NoMarkdown(NoMarkdown.__doc__)
    try:
        return mark_safe(_cleaned(_written(text)))
    except (TooLong, NoMarkdown):
        raise
    except Exception as error:  # whatever a text does to the parser, it must not take the page with it
        raise NoMarkdown(NoMarkdown.__doc__) from error


def _written(text: str) -> str:
    found: dict[str, Any] = {}
    tokens = _reader().parse(text, found)
    if any(token.level >= DEEPEST for token in tokens):
        raise NoMarkdown(NoMarkdown.__doc__)
    page = _Page()
    page.blocks(tokens)
    page.definitions(found)
    return "".join(page.parts)


def _reader() -> MarkdownIt:
    """Without HTML, and without whatever finds links in text that are none."""
    options = {"html": False, "linkify": False, "maxNesting": DEEPEST + 2}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"])


def _cleaned(html: str) -> str:
    return nh3.clean(
        html,
        tags=KEPT,
        clean_content_tags={"script", "style"},
        attributes={"a": {"href"}, "li": {"value"}},
        allowed_classes=CLASSES,
        url_schemes=set(SCHEMES),
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
    )


@dataclass
class _Page:
    parts: list[str] = field(default_factory=list)
    left: int = MOST_HTML

    def add(self, html: str) -> None:
        self.left -= len(html)
        if self.left < 0:
            raise TooLong(TooLong.__doc__)
        self.parts.append(html)

    def blocks(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            if token.type == "inline":
                self.inline(token.children or [])
            elif token.type in ("fence", "code_block"):
                self.add(f'<p><span class="to">{visible(token.info)}</span></p>' if token.info.strip() else "")
                self.add(f"<pre><code>{visible(token.content)}</code></pre>")
            elif token.type == "list_item_open":
                self.add(f'<li value="{int(token.info)}">' if token.info else "<li>")
            elif not token.hidden:
                self.add(TAGS.get(token.type) or visible(token.content))

    def inline(self, tokens: Sequence[Token]) -> None:
        target = title = said = ""
        for token in tokens:
            if token.type == "link_open":
                target, title, said = _attribute(token, "href"), _attribute(token, "title"), ""
                self.add(f'<a href="{escape(target)}">' if _may_be_followed(target) else "")
            elif token.type == "link_close":
                self.add("</a>" if _may_be_followed(target) else "")
                self.add("" if said == target and not title else _to(target, title))
            elif token.type == "image":
                self.add(f'<span class="img">Image: {visible(_alt(token))}</span>')
                self.add(_to(_source(token), _attribute(token, "title")))
            elif token.type == "code_inline":
                self.add(f"<code>{visible(token.content)}</code>")
            else:
                self.add(TAGS.get(token.type) or visible(token.content))
            said += token.content

    def definitions(self, found: Mapping[str, Any]) -> None:
        """[name]: where it leads. Markdown shows none of it, unless something refers to it."""
        named = [(name, one) for name, one in found.get("references", {}).items()]
        named += [(one.get("label", ""), one) for one in found.get("duplicate_refs", [])]
        for name, one in named:
            self.add(f"<p>[{visible(name)}]:{_to(str(one.get('href', '')), str(one.get('title', '')))}</p>")


def _attribute(token: Token, name: str) -> str:
    return str(token.attrGet(name) or "")


def _to(target: str, title: str = "") -> str:
    """Where a link leads, beside it: its words may say anything."""
    said = f" “{visible(title)}”" if title else ""
    return f' <span class="to">({visible(target)}{said})</span>'


def _may_be_followed(target: str) -> bool:
    """Whole addresses only: one without a server would lead into this very application."""
    try:
        found = urlsplit(target)
    except ValueError:
        return False
    return found.scheme in SCHEMES and bool(found.netloc or found.scheme == "mailto")


def _alt(image: Token) -> str:
    return "".join(part.content for part in image.children or []) or "without a description"


def _source(image: Token) -> str:
    """An image that is in the text itself would be all there is to read."""
    source = _attribute(image, "src")
    return source if len(source) <= LONGEST_SOURCE else f"{source[:LONGEST_SOURCE]}…"
