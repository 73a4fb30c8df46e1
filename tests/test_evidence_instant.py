"""In a real browser: a search that answers while it is typed, texts as Markdown in place, and graphs that are wide."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from langchain_core.messages import AIMessage
from playwright.sync_api import Page, expect

from approvals.models import Thread
from chains.drawing import draw
from chains.snapshots import Path
from tests.browser import OpenPageFor
from tests.conftest import PASSWORD, Cast
from tests.subgraph_graphs import around, review
from tests.test_drawing_subgraphs import holding
from tests.test_evidence import edit, paused_in, talk
from tests.test_evidence_live import sound

LETTER = """# What I found

Order **48213** arrived broken. See [the photo](https://shop.example/photo?order=48213) and the list:

1. one lamp, *shade cracked*
2. one lamp, base missing

| Item | Price | Broken |
|------|------:|--------|
| Lamp | 310   | yes    |
| Lamp | 310   | yes    |

![tracking](https://evil.example/pixel.png?thread=secret)

> A reply that was quoted, with <img src=https://evil.example/x.png onerror=alert(1)> in it.

```python
refund(620)
```
"""


@contextmanager
def foreign_requests(page: Page) -> Iterator[list[str]]:
    found: list[str] = []
    host = re.sub(r"^(\w+://[^/]+).*", r"\1", page.url)
    page.on("request", lambda request: None if request.url.startswith(host) else found.append(request.url))
    yield found


def test_a_search_answers_while_it_is_typed(page_for: OpenPageFor, cast: Cast, paused: Thread) -> None:
    edit(paused, {"final_response": "The answer in version 29 is long enough to be read."})
    visitor = page_for("alice", password=PASSWORD, path=f"/t/{paused.id}/?tab=state")
    page = visitor.page
    page.evaluate("window.isSame = true")

    page.keyboard.press("/")
    box = page.get_by_role("searchbox")
    expect(box).to_be_focused()
    page.keyboard.type("version 2")
    expect(page.locator("mark")).to_have_text("version 2")
    expect(page.locator("#announce")).to_have_text("Found in 1 place that is shown.")
    page.keyboard.type("8")
    expect(page.locator("#announce")).to_have_text("No match for “version 28”.")
    expect(page.locator("mark")).to_have_count(0)
    expect(box).to_be_focused()
    page.keyboard.press("Backspace")
    page.keyboard.type("9")
    expect(page.locator("mark")).to_have_text("version 29")
    sound(page)

    expect(box).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"\?tab=state&q=version\+29$"))
    assert page.evaluate("window.isSame")
    page.reload()
    expect(page.locator("mark")).to_have_text("version 29")
    expect(page.get_by_role("searchbox")).to_have_value("version 29")

    page.get_by_role("searchbox").fill("")
    expect(page.locator("#announce")).to_have_text("All of the state is shown.")
    expect(page.locator(".channel").first).to_be_visible()
    assert visitor.complaints == []


def test_a_search_in_the_history_answers_while_it_is_typed(page_for: OpenPageFor, cast: Cast, paused: Thread) -> None:
    step = edit(paused, {"final_response": "number one"})
    edit(paused, {"final_response": "number two"})
    visitor = page_for("alice", password=PASSWORD, path=f"/t/{paused.id}/history/?step={step}")

    visitor.page.get_by_role("searchbox").press_sequentially("number")

    expect(visitor.page.locator("#found .channel", has_text="number one").locator("mark").first).to_have_text("number")
    visitor.page.wait_for_url(re.compile(rf"\?step={step}&q=number$"))
    assert visitor.complaints == []


def test_a_search_works_without_a_script(page_for: OpenPageFor, cast: Cast, paused: Thread) -> None:
    visitor = page_for("alice", password=PASSWORD, path=f"/t/{paused.id}/?tab=state")
    page = visitor.context.browser.new_page(  # type: ignore[union-attr]
        java_script_enabled=False, storage_state=visitor.context.storage_state()
    )
    page.goto(visitor.page.url)

    page.get_by_role("searchbox").fill("ORD-48213")
    page.get_by_role("button", name="Find").click()

    expect(page.locator("mark").first).to_have_text("ORD-48213")
    expect(page.locator("[data-hits]")).to_have_text(re.compile(r"Found in \d+ places? that"))
    page.close()


def test_a_message_is_read_as_markdown_in_its_place(page_for: OpenPageFor, cast: Cast, paused: Thread) -> None:
    talk(paused, AIMessage(LETTER))
    visitor = page_for("alice", password=PASSWORD, path=f"/t/{paused.id}/?tab=messages")
    page = visitor.page
    message = page.locator(".msg", has_text="What I found")

    with foreign_requests(page) as foreign:
        message.get_by_role("link", name="Show as Markdown").press("Enter")
        expect(message.locator(".md strong")).to_have_text("48213")
        expect(message.get_by_role("link", name="Show as it was written")).to_be_focused()
        expect(message.locator(".md img")).to_have_count(0)
        expect(message.locator(".md")).to_contain_text("<img src=https://evil.example/x.png onerror=alert(1)>")
        expect(message.locator(".md")).to_contain_text("Image: tracking (https://evil.example/pixel.png?thread=secret)")
        link = message.get_by_role("link", name="the photo")
        expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
        sound(page)
        assert foreign == []

    message.get_by_role("link", name="Show as it was written").press("Enter")
    expect(message.locator(".md")).to_have_count(0)
    expect(message).to_contain_text("Order **48213** arrived")
    expect(message.get_by_role("link", name="Show as Markdown")).to_be_focused()
    assert visitor.complaints == []


def test_what_is_open_stays_open_when_the_page_fetches_itself_anew(
    page_for: OpenPageFor, cast: Cast, paused: Thread
) -> None:
    talk(paused, AIMessage(LETTER))
    visitor = page_for("rita", password=PASSWORD, path=f"/t/{paused.id}/?tab=messages")
    page = visitor.page
    page.get_by_role("link", name="Show as Markdown").last.click()
    expect(page.locator(".md strong")).to_have_text("48213")
    refreshed(page, paused)
    expect(page.locator(".md strong")).to_have_text("48213")

    page.goto(f"/t/{paused.id}/?tab=state")
    page.get_by_role("searchbox").press_sequentially("ORD-48213")
    expect(page.locator("mark").first).to_have_text("ORD-48213")
    found = page.locator("mark").count()
    refreshed(page, paused)
    expect(page.locator("mark")).to_have_count(found)
    assert visitor.complaints == []


def refreshed(page: Page, thread: Thread) -> None:
    with page.expect_response(lambda answer: f"/t/{thread.id}/?" in answer.url):
        page.evaluate("document.querySelector('#thread').dispatchEvent(new Event('changed'))")
    page.wait_for_timeout(300)  # for the swap, which says nothing when it changes nothing


def test_a_text_of_the_state_is_read_as_markdown_on_its_page(page_for: OpenPageFor, cast: Cast, paused: Thread) -> None:
    edit(paused, {"final_response": LETTER + "| a " * 40 + "|\n" + "|---" * 40 + "|\n"})
    visitor = page_for("alice", password=PASSWORD, path=f"/t/{paused.id}/?tab=state")
    page = visitor.page

    with foreign_requests(page) as foreign:
        row = page.locator(".channel", has_text="final_response").first
        if row.get_attribute("open") is None:
            row.locator("summary").first.click()
        row.get_by_role("link", name="Show as Markdown").click()
        expect(page.locator(".md strong")).to_have_text("48213")
        sound(page)
        page.get_by_role("link", name="Show as it was written").click()
        expect(page.locator("pre.raw")).to_contain_text("Order **48213** arrived")
        sound(page)
        assert foreign == []
    assert visitor.complaints == []


def test_a_graph_with_subgraphs_scrolls_in_its_own_box(page_for: OpenPageFor, cast: Cast) -> None:
    thread = paused_in(cast, "in_subgraphs")
    visitor = page_for("alice", password=PASSWORD, path=f"/t/{thread.id}/?tab=state")
    page = visitor.page
    expect(page.locator(".g-frame.holds")).to_have_count(2)
    expect(page.locator(".g-frame.holds .g-node.current")).to_have_count(2)

    sound(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate(SWAP_GRAPH, wide_drawing())
    box = page.locator(".gwrap")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    edge, lit = box.bounding_box(), page.locator(".graph .current").first.bounding_box()
    assert edge is not None
    assert lit is not None
    assert edge["x"] <= lit["x"]
    assert lit["x"] + lit["width"] <= edge["x"] + edge["width"]
    letters = page.locator(".graph .current text").first
    assert letters.evaluate("text => text.getBoundingClientRect().height") >= 10
    box.focus()
    before = box.evaluate("box => box.scrollLeft")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("before => document.querySelector('.gwrap').scrollLeft < before", arg=before)
    assert visitor.complaints == []


SWAP_GRAPH = """svg => {
  document.querySelector(".gwrap").innerHTML = svg;
  document.dispatchEvent(new CustomEvent("htmx:after:swap", { detail: { ctx: {} } }));
}"""


def wide_drawing() -> str:
    parts = [(name, around(review())) for name in ("north", "east", "south", "west")]
    inside = Path(done=("draft",), current=("review",), taken=frozenset())
    asks = Path(done=(), current=("ask",), waiting=("ask",), taken=frozenset())
    way = Path(
        done=(),
        current=("west",),
        waiting=("west",),
        taken=frozenset(),
        inside={"west": replace(inside, inside={"review": asks})},
    )
    return draw(holding(*parts), path=way, title="Graph").svg
