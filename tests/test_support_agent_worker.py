"""support_agent on a real worker: calls are decided part by part, and the shop shows what really happened."""

import json
import subprocess
import sys
from pathlib import Path

from approvals import decisions, inspection, threads
from approvals.ballots import Ballot
from approvals.inspection import Reply
from approvals.models import Interrupt, Thread, ThreadStatus, Verdict
from tests.conftest import Cast, open_question
from tests.stack import ROOT, Stack
from tests.support_desk import BOTH, MARTA, Desk
from tests.test_main_job import ballot, seen
from tests.waiting import eventually, until_status

# Every process makes the same forty refunds, all beginning at the same moment.
REFUND_FORTY = """
import sys, time
from decimal import Decimal
from pathlib import Path
from chains.graphs.support_agent.shop import Shop
shop, begin = Shop(Path(sys.argv[1])), Path(sys.argv[2])
print("ready", flush=True)
while not begin.exists():
    time.sleep(0.001)
for number in range(40):
    print(shop.refund("ORD-48213", Decimal("1.00"), reason="Broken", key=f"thread:{number}"))
"""


def next_question(thread: Thread, *, after: Interrupt) -> Interrupt:
    fresh = Interrupt.objects.open().filter(thread=thread).exclude(id=after.id)
    eventually(fresh.exists, what="another question")
    return fresh.get()


def last_words(thread: Thread) -> str:
    state = inspection.state_of(thread)
    assert state is not None
    return state.messages[-1].text


def test_an_edited_refund_and_an_approved_letter_are_carried_out_by_a_worker(
    stack: Stack, cast: Cast, tmp_path: Path
) -> None:
    desk = Desk(tmp_path / "shop.sqlite3")
    stack.start_worker(HOLDPOINT_CHAIN_OPTIONS=json.dumps({"support_agent": {"shop": str(desk.shop)}}))
    thread = threads.submit(cast.rita, "support_agent", {**MARTA, "message": BOTH})
    until_status(thread, ThreadStatus.PAUSED)
    first = open_question(thread)
    refund, _ = first.value["action_requests"]

    changed = Reply(Verdict.EDIT, arguments={**refund["args"], "amount": "12.50"})
    parts = Ballot.of_parts([changed, Reply(Verdict.APPROVE)], seen(first))
    decisions.decide(cast.alice, first.id, parts)
    second = next_question(thread, after=first)

    assert desk.refunds() == [("ORD-48213", 1250)]
    assert [subject for _, subject, _ in desk.outbox()] == ["Your order ORD-48213"]
    decisions.decide(cast.bob, second.id, ballot(second, Verdict.REJECT, note="I will call her."))
    until_status(thread, ThreadStatus.DONE)
    assert len(desk.outbox()) == 1
    closing = last_words(thread)
    assert "Refunded 12.50 EUR of order ORD-48213" in closing
    assert "“Your refund of 12.50 EUR” was rejected: I will call her." in closing


def test_processes_that_share_a_shop_make_it_once_and_refund_once(tmp_path: Path) -> None:
    desk, begin = Desk(tmp_path / "shop.sqlite3"), tmp_path / "begin"
    command = [sys.executable, "-c", REFUND_FORTY, str(desk.shop), str(begin)]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    begin.touch()
    receipts = {process.communicate(timeout=120)[0] for process in started}

    assert [process.returncode for process in started] == [0, 0, 0, 0]
    assert len(receipts) == 1
    assert desk.refunds() == [("ORD-48213", 100)] * 40
