"""What pages show of a thread's state and history: everything findable, nothing too big to open."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from approvals import threads
from approvals.models import Thread
from approvals.opened import checkpointer, compiled
from tests.conftest import Cast, work_off

BIG_LETTERS = 5_000_000


@pytest.fixture
def alice(client: Client, cast: Cast) -> Client:
    client.force_login(cast.alice)
    return client


def html(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def edit(thread: Thread, values: dict[str, Any]) -> str:
    """As a node of the graph would write it; gives the new head."""
    with checkpointer().hold(str(thread.id)) as held:
        graph = compiled(thread.chain, held.saver, held.graphs)
        found = graph.update_state({"configurable": {"thread_id": str(thread.id)}}, values, as_node="process")
    return str(found["configurable"]["checkpoint_id"])


def talk(thread: Thread, *messages: Any) -> str:
    return edit(thread, {"messages": list(messages)})


def paused_in(cast: Cast, chain: str, **values: Any) -> Thread:
    thread = threads.submit(cast.rita, chain, values)
    work_off(thread)
    thread.refresh_from_db()
    return thread


def test_a_state_is_searched_by_name_and_value_without_a_script(alice: Client, paused: Thread) -> None:
    page = f"/t/{paused.id}/?tab=state&q="

    by_value, by_name = html(alice, f"{page}ORD-48213"), html(alice, f"{page}COMPLEXITY")
    nothing = html(alice, f"{page}no+such+thing+%3Cb%3E")

    assert "<mark>ORD-48213</mark>" in by_value
    assert "<mark>complexity</mark>" in by_name
    assert ">tokens_in<" not in by_name
    assert "No match for “" in nothing
    assert "<b>no" not in nothing
    assert "&lt;b&gt;</span>”" in nothing


def test_five_megabytes_and_two_thousand_messages_open_in_pages(
    alice: Client, paused: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(paused, *(HumanMessage(f"message number {number}") for number in range(2_000)))
    edit(paused, {"final_response": "x" * 1_000_000})
    talk(paused, HumanMessage("y" * BIG_LETTERS))
    sent = _bytes_read(monkeypatch)

    for path, most in (("?tab=changes", 4), ("?tab=messages", 4), ("?tab=state", 4), ("?tab=raw", 4), ("history/", 1)):
        sent.clear()
        answer = alice.get(f"/t/{paused.id}/{path}")
        assert len(answer.content) < 300_000, path
        assert sum(sent) < (most + 1) * BIG_LETTERS * 1.3, path
    page = html(alice, f"/t/{paused.id}/?tab=messages")
    assert page.count('class="msg') == 40
    assert "message number 1999" in page
    assert "message number 1900" not in page
    assert "Show all 5000000 characters" in page
    earlier = re.search(r'href="([^"]*before=\d+)#evidence">Show earlier', page)
    assert earlier is not None
    assert "message number 1930" in html(alice, unescape(earlier[1]))


def _bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of values, for each checkpoint that is read."""
    with checkpointer().read() as line:
        kind = type(line.saver)
    read: list[int] = []
    original = kind._load_checkpoint_tuple

    def counting(self: Any, row: Any) -> Any:
        read.append(sum(len(blob[2] or b"") for blob in row["channel_values"] or ()))
        read.append(sum(len(write[3]) for write in row["pending_writes"] or ()))
        return original(self, row)

    monkeypatch.setattr(kind, "_load_checkpoint_tuple", counting)
    return read


def test_a_long_value_is_read_on_a_page_of_its_own_and_the_state_saved_whole(alice: Client, paused: Thread) -> None:
    text = "start " + "z" * 300_000 + " the very end"
    head = edit(paused, {"final_response": text})

    page = html(alice, f"/t/{paused.id}/?tab=state")
    link = re.search(r'href="([^"]+)">Show all 300,0\d\d characters', page)
    assert link is not None
    part = html(alice, unescape(link[1]))
    following = re.search(r'href="([^"]+)">Go on reading', part)
    assert following is not None
    assert "the very end" in html(alice, unescape(following[1]))

    saved = alice.get(f"/t/{paused.id}/raw/?at={head}")
    assert saved["Content-Disposition"].startswith("attachment")
    assert json.loads(saved.content)["final_response"] == text


@pytest.mark.parametrize("path", ['["no"]', "nonsense", '{"a": 1}', "[[1]]", '["messages", -1]', "[" * 5_000])
def test_a_part_that_is_not_there_is_not_found(alice: Client, paused: Thread, path: str) -> None:
    assert alice.get(f"/t/{paused.id}/part/", {"path": path}).status_code == 404


def test_parts_and_comparisons_are_for_those_who_may_see_the_thread(client: Client, cast: Cast, paused: Thread) -> None:
    client.force_login(cast.mallory)

    for path in ("part/?path=[]", "raw/", "compare/?from=a&to=b", "history/"):
        assert client.get(f"/t/{paused.id}/{path}").status_code == 404


def test_a_tools_result_stands_with_its_call_and_says_when_it_was_not_done(alice: Client, paused: Thread) -> None:
    calls = [{"name": name, "args": {"amount": 40}, "id": name} for name in ("refund", "mail", "wait")]
    talk(
        paused,
        AIMessage("", tool_calls=calls),
        ToolMessage("refunded 40", tool_call_id="refund"),
        ToolMessage("A person rejected this.", tool_call_id="mail", status="error"),
    )

    page = html(alice, f"/t/{paused.id}/?tab=messages")
    [refund, mail, wait] = page.split('<p class="tool">')[1:]

    assert "Result" in refund
    assert "refunded 40" in refund
    assert "Not done: failed or rejected" in mail
    assert "A person rejected this." in mail
    assert "No result yet." in wait
    assert page.count("refunded 40") == 1


def test_the_state_of_a_subgraph_can_be_opened_and_says_what_it_waits_for(alice: Client, cast: Cast) -> None:
    thread = paused_in(cast, "in_subgraph")

    page = html(alice, f"/t/{thread.id}/?tab=state")
    inner = re.search(r'href="([^"]+ns=[^"]+)#state">State of this subgraph', page)

    assert inner is not None
    assert "asks 1 question" in page
    opened = html(alice, unescape(inner[1]))
    assert "State of a subgraph at step" in opened
    assert "<b>ask</b>" in opened
    assert alice.get(f"/t/{thread.id}/history/?ns=nonsense:%00").status_code == 200


def test_history_goes_on_page_by_page_and_names_what_each_step_used(alice: Client, paused: Thread) -> None:
    for number in range(30):
        edit(paused, {"final_response": f"number {number}"})

    first = html(alice, f"/t/{paused.id}/history/")
    older = re.search(r'href="(\?before=[^"]+|[^"]+\?before=[^"]+)">Older steps', first)
    assert older is not None
    second = html(alice, unescape(older[1]))

    assert first.count('class="num sn"') == 25
    assert 0 < second.count('class="num sn"') < 25
    assert re.search(r"\d+ tokens in, \d+ out", second)
    assert "process" in second
    assert f"/t/{paused.id}/replay/" in first


def test_who_may_not_take_a_thread_back_is_not_offered_it(client: Client, cast: Cast, paused: Thread) -> None:
    client.force_login(cast.rita)

    assert "/replay/" not in html(client, f"/t/{paused.id}/history/")


def test_two_steps_are_compared_word_by_word_at_an_address_to_share(
    alice: Client, client: Client, cast: Cast, paused: Thread
) -> None:
    one = edit(paused, {"final_response": "We refund 620 EUR <b>today</b>."})
    two = edit(paused, {"final_response": "We refund 1,240 EUR <b>today</b>."})

    page = html(alice, f"/t/{paused.id}/compare/?from={one}&to={two}")

    assert "<del>620 </del><ins>1,240 </ins>" in page
    assert "&lt;b&gt;today" in page
    assert "Unchanged" in page
    swapped = html(alice, f"/t/{paused.id}/compare/?from={two}&to={one}")
    assert "<del>1,240 </del><ins>620 </ins>" in swapped
    assert "Nothing differs" in html(alice, f"/t/{paused.id}/compare/?from={one}&to={one}")
    for gone in ("", "nonsense", "%00"):
        answer = alice.get(f"/t/{paused.id}/compare/?from={gone}&to={gone}")
        assert (answer.status_code, b"is not saved any more" in answer.content) == (404, True)


def test_since_you_last_looked_is_one_click_and_a_refresh_is_no_look(alice: Client, cast: Cast, paused: Thread) -> None:
    page = f"/t/{paused.id}/"
    assert "Since you last looked" not in html(alice, page)
    edit(paused, {"final_response": "Written meanwhile."})
    alice.get(page, headers={"HX-Request": "true"})
    edit(paused, {"messages": [HumanMessage("And this, after a refresh.")]})

    found = re.search(r'href="([^"]+)">Since you last looked', html(alice, page))

    assert found is not None
    told = html(alice, unescape(found[1]))
    assert "Written meanwhile." in told
    assert "And this, after a refresh." in told
    assert "Since you last looked" in html(alice, page)


def test_the_path_is_lit_where_a_static_breakpoint_holds_the_thread(alice: Client, cast: Cast, tmp_path: Path) -> None:
    thread = paused_in(cast, "stopping", effects=str(tmp_path / "effects"))

    assert "Path so far: prepare. Waiting at pay." in html(alice, f"/t/{thread.id}/")
