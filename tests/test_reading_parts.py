"""Texts as Markdown on request, and the search that answers while it is typed, as addresses of their own."""

import re
from html import unescape

import pytest
from django.test import Client
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from approvals.models import Thread
from tests.conftest import Cast
from tests.test_evidence import alice, edit, html, paused_in, talk

__all__ = ["alice"]

LETTER = "# Plan\n\nRefund **620 EUR**, see [the order](https://shop.example/48213).\n\n" + "- and more\n" * 30
ATTRIBUTES = r'(?: [\w-]+="[^"]*")*'
AS_MARKDOWN = re.compile(rf'href="([^"]+)"{ATTRIBUTES}>Show as Markdown')
AS_WRITTEN = re.compile(rf'href="([^"#]+)[^"]*"{ATTRIBUTES}>Show as it was written')


def followed(client: Client, link: re.Pattern[str], page: str) -> str:
    found = link.search(page)
    assert found is not None
    return html(client, unescape(found[1]))


def test_a_message_is_shown_as_markdown_on_request_only_and_back(alice: Client, paused: Thread) -> None:
    talk(paused, AIMessage(LETTER))
    page = html(alice, f"/t/{paused.id}/?tab=messages")
    assert "**620 EUR**" in page
    assert "<strong>620" not in page

    shown = followed(alice, AS_MARKDOWN, page[page.index("**620 EUR**") :])

    assert "<strong>620 EUR</strong>" in shown
    assert 'href="https://shop.example/48213" rel="noopener noreferrer nofollow"' in shown
    assert "(https://shop.example/48213)" in shown
    assert "**620 EUR**" in followed(alice, AS_WRITTEN, shown)


def test_a_message_in_blocks_and_a_tools_result_are_shown_as_markdown_too(alice: Client, paused: Thread) -> None:
    call = {"name": "look_up", "args": {}, "id": "look"}
    talk(
        paused,
        AIMessage([{"type": "text", "text": "One **bold** block"}, {"type": "text", "text": "and another"}]),
        AIMessage("", tool_calls=[call]),
        ToolMessage("Found **two** orders", tool_call_id="look"),
    )
    page = html(alice, f"/t/{paused.id}/?tab=messages")

    blocks = followed(alice, AS_MARKDOWN, page[page.index("One **bold**") :])
    result = followed(alice, AS_MARKDOWN, page[page.index("Found **two**") :])

    assert "One <strong>bold</strong> block\nand another" in blocks
    assert "Found <strong>two</strong> orders" in result


def test_the_way_back_leads_to_the_same_page_of_messages(alice: Client, paused: Thread) -> None:
    talk(paused, *(HumanMessage(f"**number** {number}") for number in range(90)))
    page = html(alice, f"/t/{paused.id}/?tab=messages&before=50")
    assert "**number** 30" in page

    back = followed(alice, AS_WRITTEN, followed(alice, AS_MARKDOWN, page[page.index("**number** 30") :]))

    assert "**number** 30" in back


def test_the_way_back_from_a_message_of_an_earlier_step_leads_to_that_step(alice: Client, paused: Thread) -> None:
    step = talk(paused, AIMessage(LETTER))
    edit(paused, {"final_response": "Another step."})
    page = html(alice, f"/t/{paused.id}/history/?step={step}")

    shown = followed(alice, AS_MARKDOWN, page[page.rindex("**620 EUR**") :])

    assert "<strong>620 EUR</strong>" in shown
    back = AS_WRITTEN.search(shown)
    assert back is not None
    assert unescape(back[1]) == f"/t/{paused.id}/history/?step={step}"
    key = re.search(r'id="(said-[0-9a-f]{16})"', shown)
    assert key is not None
    assert f'id="{key[1]}"' in followed(alice, AS_WRITTEN, shown)


def test_a_short_plain_message_offers_nothing(alice: Client, paused: Thread) -> None:
    edit(paused, {"messages": [HumanMessage("Yes.")]})

    page = html(alice, f"/t/{paused.id}/?tab=messages")

    assert "Show as Markdown" not in page[page.index("Yes.") :].split("</article>")[0]


def test_a_long_text_of_the_state_is_shown_as_markdown(alice: Client, paused: Thread) -> None:
    edit(paused, {"final_response": LETTER})
    page = html(alice, f"/t/{paused.id}/?tab=state")

    shown = followed(alice, AS_MARKDOWN, page[page.index("<b>final_response") :])

    assert '<p class="head">Plan</p>' in shown
    assert "**620 EUR**" in followed(alice, AS_WRITTEN, shown)


def test_hostile_markdown_is_harmless_on_its_page(alice: Client, paused: Thread) -> None:
    text = '<img src=x onerror=alert(1)> ![x](https://evil.example/p.png) <div hx-get="/x" hx-trigger="load">'
    edit(paused, {"final_response": f"**x** {text} \u202e"})

    shown = html(alice, f'/t/{paused.id}/part/?path=["final_response"]&as=markdown')

    value = shown[shown.index('aria-label="Value"') :].split("</section>")[0]
    assert "<img" not in value
    assert not re.search(r"<[^>]+(evil\.example|hx-trigger|onerror)", value)
    assert "\u202e" not in value
    assert "⟨U+202E⟩" in value


def test_what_cannot_be_markdown_is_shown_as_it_was_written_with_a_word(alice: Client, paused: Thread) -> None:
    edit(paused, {"final_response": "**long** " * 9_000})

    shown = html(alice, f'/t/{paused.id}/part/?path=["final_response"]&as=markdown')

    assert "too long to be shown as Markdown" in shown
    assert "**long** **long**" in shown


@pytest.mark.parametrize("said", ["x" * 16, '"><script>', "0" * 15, "../../x"])
def test_a_way_back_that_was_made_up_is_not_followed(alice: Client, paused: Thread, said: str) -> None:
    edit(paused, {"final_response": LETTER})

    shown = alice.get(f"/t/{paused.id}/part/", {"path": '["final_response"]', "as": "markdown", "said": said})

    assert b"hx-get" not in shown.content.split(b'id="main"')[1].split(b"</main>")[0]


def test_only_the_found_part_answers_a_search(alice: Client, paused: Thread) -> None:
    page = html(alice, f"/t/{paused.id}/?tab=state")
    asked = re.search(r'hx-get="([^"]+/find/\?at=[^"]+)"', page)
    assert asked is not None

    answer = alice.get(f"{unescape(asked[1])}&tab=state&q=ORD-48213")

    body = answer.content.decode()
    assert "<mark>ORD-48213</mark>" in body
    assert "<html" not in body
    assert re.search(r"Found in \d+ places? that (is|are) shown\.", body)
    assert answer["HX-Replace-Url"] == f"/t/{paused.id}/?tab=state&q=ORD-48213"
    assert "<mark>ORD-48213</mark>" in html(alice, answer["HX-Replace-Url"])


def test_a_search_in_the_history_stays_with_its_step(alice: Client, paused: Thread) -> None:
    old = edit(paused, {"final_response": "number one"})
    edit(paused, {"final_response": "number two"})

    answer = alice.get(f"/t/{paused.id}/find/", {"at": old, "step": old, "q": "number"})

    assert "<mark>number</mark> one" in answer.content.decode()
    assert answer["HX-Replace-Url"] == f"/t/{paused.id}/history/?step={old}&q=number"


def test_a_search_while_the_thread_has_moved_on_answers_for_what_is_on_the_page(alice: Client, paused: Thread) -> None:
    shown = edit(paused, {"final_response": "number one"})
    edit(paused, {"final_response": "number two"})

    answer = alice.get(f"/t/{paused.id}/find/", {"at": shown, "tab": "state", "q": "number"})

    assert "<mark>number</mark> one" in answer.content.decode()


def test_a_search_in_a_subgraph_stays_there(alice: Client, cast: Cast) -> None:
    thread = paused_in(cast, "in_subgraph")
    page = html(alice, f"/t/{thread.id}/?tab=state")
    inner = re.search(r'href="([^"]+ns=([^"]+))#state">State of this subgraph', page)
    assert inner is not None
    opened = html(alice, unescape(inner[1]))
    asked = re.search(r'hx-get="([^"]+/find/\?at=[^"]+)"', opened)
    assert asked is not None

    answer = alice.get(f"{unescape(asked[1])}&ns={inner[2]}&q=log")

    assert answer.status_code == 200
    assert f"ns={inner[2]}" in answer["HX-Replace-Url"]


def test_parts_as_markdown_and_searches_are_for_those_who_may_see_the_thread(
    client: Client, cast: Cast, paused: Thread
) -> None:
    client.force_login(cast.mallory)

    for path in ("find/?q=x", 'part/?path=["messages"]&as=markdown'):
        assert client.get(f"/t/{paused.id}/{path}").status_code == 404
