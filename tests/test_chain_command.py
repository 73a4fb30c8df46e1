"""manage.py chain finds what would go wrong with a chain, and runs one at the terminal without storing anything."""

import json
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from approvals.execution import trials
from approvals.models import Thread
from chains.checking import remarks
from chains.registry import Registry, read_langgraph_json
from tests.graphs import careless

TEMPLATE = Path(__file__).parent.parent / "docs" / "template" / "langgraph.json"
ORDER = json.dumps({"order": "ORD-1"})
CHAINS = {
    **{name: f"tests.graphs.careless:{name}" for name in ("careless", "careful_chain", "changing", "breaking")},
    "stopping": "tests.graphs.stopping:before",
    "picky": "tests.graphs.awkward:picky",
    "lost": "nowhere:graph",
}


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Registry(CHAINS, {})
    monkeypatch.setattr(trials, "registry", lambda: found)


def chain(*words: str) -> str:
    said = StringIO()
    call_command("chain", *words, stdout=said)
    return said.getvalue()


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    left: Iterator[str] = iter(lines)

    def answer(prompt: str) -> str:
        try:
            return next(left)
        except StopIteration as error:
            raise EOFError from error

    monkeypatch.setattr("builtins.input", answer)


def test_list_names_every_chain_and_why_one_is_broken() -> None:
    said = chain("list")

    assert "careful_chain        1        Careful chain" in said
    assert "lost                 broken   Chain 'lost': nowhere:graph cannot be imported" in said


def test_check_tells_the_way_the_form_and_the_hold_points() -> None:
    said = chain("check", "stopping")

    assert "start → prepare\n  prepare → pay\n  pay → notify\n  notify → end" in said
    assert "amount: integer, optional" in said
    assert "stops before pay\n  stops before notify" in said
    assert "Not run: give --input" in said


def test_check_remarks_on_what_would_be_done_twice() -> None:
    found = [f"{remark.node} {remark.sentence}" for remark in remarks(Registry(CHAINS, {}).compile("careless"))]

    first_line = careless.charges_first.__code__.co_firstlineno
    assert [remark.split(". ")[0].removesuffix(".") for remark in found] == [
        f"charges_first calls charge() on line {first_line + 1} before it asks, and again whenever it is answered",
        f"sleeps_first calls time.sleep() on line {careless.sleeps_first.__code__.co_firstlineno + 1} before it asks, "
        "and again whenever it is answered",
        "asks_twice asks in 2 places",
        f"swallows catches every exception around its question on line {careless.swallows.__code__.co_firstlineno + 3}",
    ]


def test_check_has_nothing_to_remark_on_a_careful_node() -> None:
    assert remarks(Registry(CHAINS, {}).compile("careful_chain")) == []


def test_check_asks_twice_and_refuses_a_question_that_changes() -> None:
    said = StringIO()
    with pytest.raises(CommandError, match="changes while it waits"):
        call_command("chain", "check", "changing", "--input", ORDER, stdout=said)

    assert "DIFFERENT when asked again" in said.getvalue()
    assert '"amount"' in said.getvalue()
    assert "the same when asked again" in chain("check", "careful_chain", "--input", ORDER)


def test_check_goes_on_only_with_an_answer() -> None:
    assert "It waits for an answer" in chain("check", "breaking", "--input", ORDER)
    with pytest.raises(CommandError, match="LookupError: no such order"):
        chain("check", "breaking", "--input", ORDER, "--answer", "approve")


def test_run_asks_at_the_terminal_until_the_answer_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "perhaps", "edit", "not json", "edit", '{"order": "ORD-2"}')

    said = chain("run", "careful_chain", "--input", ORDER)

    assert "Write one of: approve, edit, reject, respond." in said
    assert "That is not JSON" in said
    assert said.endswith('"edit",\n    "later",\n    "after"\n  ]\n}\n')


def test_run_without_a_terminal_says_how_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch)

    with pytest.raises(CommandError, match="Give --answer"):
        chain("run", "careful_chain", "--input", ORDER)
    assert "Finished." in chain("run", "careful_chain", "--input", ORDER, "--answer", "approve")


def test_run_takes_its_input_from_a_file_and_passes_breakpoints(tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text(json.dumps({"effects": str(tmp_path / "effects"), "log": []}))

    said = chain("run", "stopping", "--input", f"@{tmp_path / 'input.json'}", "--answer", "approve")

    assert "pay asks: Paused before pay" in said
    assert (tmp_path / "effects").read_text().splitlines() == ["prepare", "pay", "notify"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["check", "lost"], "nowhere:graph cannot be imported"),
        (["check", "gone"], "No chain is called 'gone'"),
        (["run", "picky", "--input", "{"], "--input cannot be read"),
        (["run", "picky", "--input", "[]"], "--input is not an object"),
        (["run", "picky", "--input", "@/nowhere.json"], "--input cannot be read"),
        (["run", "careful_chain", "--input", '{"order": 1}'], "does not take this: 1 is not of type 'string'"),
        (["run", "picky", "--input", "{}", "--answer", "edit"], "cannot be answered with edit"),
        (["run", "careful_chain", "--input", ORDER, "--answer", "edit", "--arguments", "{"], "--arguments is not JSON"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        chain(*words)


@pytest.mark.django_db
def test_the_template_passes_its_own_check_and_stores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [*sys.path])
    found = Registry({}, {}, file=read_langgraph_json(TEMPLATE))
    monkeypatch.setattr(trials, "registry", lambda: found)

    said = chain("check", "refunds", "--answer", "approve")

    assert "Remarks\n  none" in said
    assert "Refund 40 EUR for ORD-48213; the same when asked again" in said
    assert "Finished." in said
    assert not Thread.objects.exists()
