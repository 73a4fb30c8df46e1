"""Four chains walked through the workbench in a real browser: what is saved, what happened, and what differs."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.workbench import BESIDE, CHAINS, NESTED, Walked, Workbench

EACH_CHAIN = pytest.mark.parametrize("walked", CHAINS, ids=str)


@EACH_CHAIN
def test_the_state_is_read_where_the_thread_waits(bench: Workbench, walked: Walked) -> None:
    thread, page = bench.to_look_at(walked), bench.page_of("alice")
    evidence = page.locator("#evidence")

    page.goto(f"/t/{thread.id}/?tab=state")
    for name in walked.channels:
        expect(evidence.locator("summary", has_text=re.compile(rf"\b{name}\b")).first).to_be_visible()
    for node in walked.holds:
        task = evidence.locator(".tasks > li").filter(has=page.locator("b", has_text=node))
        expect(task).to_contain_text("asks 1 question")
    page.get_by_role("link", name="Messages").click()
    expect(evidence.locator(".msg").first).to_contain_text("ORD-48213")
    page.get_by_role("link", name="Raw").click()
    expect(evidence.get_by_label("Input")).to_contain_text("ORD-48213")
    assert evidence.get_by_label("Payload").count() == len(walked.questions)
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save as JSON").click()
    assert "ORD-48213" in str(json.loads(saving.value.path().read_bytes())["messages"])
    assert bench.complaints() == []


@EACH_CHAIN
def test_the_graph_is_drawn_and_said_in_words(bench: Workbench, walked: Walked) -> None:
    page = bench.page_of("alice")
    page.goto(f"/t/{bench.to_look_at(walked).id}/")

    drawing = page.get_by_role("region", name="Picture of the graph")
    expect(drawing.get_by_role("img", name=re.compile("^Graph of"))).to_be_visible()
    words = re.search(r"Waiting at [^.]+", drawing.text_content() or "")
    assert words is not None
    assert all(node in words[0] for node in walked.holds)


@EACH_CHAIN
def test_the_state_is_read_at_an_earlier_step_too(bench: Workbench, walked: Walked) -> None:
    thread, page = bench.to_look_at(walked), bench.page_of("alice")
    page.goto(f"/t/{thread.id}/history/")
    step = page.locator(".steps li").filter(has=page.get_by_role("link", name="Started", exact=True))

    step.get_by_role("link", name="Started", exact=True).click()

    state = page.locator("#state")
    expect(state.get_by_role("heading", name="State at step 0")).to_be_visible()
    expect(state).to_contain_text(f"Ran next: {walked.next}")
    expect(state.locator(".tasks > li")).to_contain_text(f"{walked.next} ran next")
    state.get_by_text("Messages at this step").click()
    expect(state.locator(".msg")).to_have_count(1)
    expect(state.locator(".msg")).to_contain_text("ORD-48213")
    with page.expect_download() as saving:
        state.get_by_role("link", name="Save as JSON").click()
    assert len(json.loads(saving.value.path().read_bytes())["messages"]) == 1
    assert bench.complaints() == []


def test_a_subgraph_has_a_state_of_its_own(bench: Workbench) -> None:
    page = bench.page_of("alice")
    page.goto(f"/t/{bench.to_look_at(NESTED).id}/?tab=state")

    page.get_by_role("link", name="State of this subgraph").click()

    state = page.locator("#state")
    expect(state.get_by_role("heading", name=re.compile("^State of a subgraph"))).to_be_visible()
    expect(state.locator(".tasks > li")).to_contain_text("ask")
    expect(state.locator(".tasks > li")).to_contain_text("asks 1 question")
    expect(state).to_contain_text("written")


def test_what_a_finished_node_wrote_beside_the_question_is_shown_as_pending(bench: Workbench) -> None:
    page = bench.page_of("alice")
    page.goto(f"/t/{bench.to_look_at(BESIDE).id}/history/")

    task = page.locator(".tasks > li").filter(has=page.locator("b", has_text="count"))
    expect(task).to_contain_text("has finished and waits for the others")
    task.get_by_text("not part of the state yet").click()
    expect(task.locator("dl")).to_contain_text("counted")
    expect(page.locator("#state .channel", has_text="log")).not_to_contain_text("counted")


@EACH_CHAIN
def test_history_names_source_node_and_time_and_two_steps_are_compared(bench: Workbench, walked: Walked) -> None:
    thread, page, other = bench.to_look_at(walked), bench.page_of("alice"), bench.page_of("bob")
    page.goto(f"/t/{thread.id}/history/")

    expect(page.locator(".steps li").last).to_contain_text(re.compile(r"\d\d:\d\d · input · Rita Sen"))
    expect(page.locator(".steps li", has_text=walked.next).last).to_contain_text(re.compile(r"\d\d:\d\d · loop"))
    page.locator(".steps li").last.get_by_label("Before").check()
    page.locator(".steps li").first.get_by_label("After").check()
    page.get_by_role("button", name="Compare the two marked steps").click()

    expect(page.get_by_role("heading", name=re.compile(r"^Step -1 to step \d"))).to_be_visible()
    expect(page.locator(".diff .ad").first).to_contain_text("ORD-48213")
    other.goto(page.url)
    assert other.locator(".diff").inner_text() == page.locator(".diff").inner_text()
    page.get_by_role("link", name="Swap the sides").click()
    expect(page.locator(".diff .rm").first).to_contain_text("ORD-48213")
    assert bench.complaints() == []
