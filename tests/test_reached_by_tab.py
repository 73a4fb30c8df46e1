"""What Tab reaches on the longest question pages is in sight: no bar that stays on the screen lies over it."""

from typing import Any

import pytest
from playwright.sync_api import Page

from approvals import threads
from approvals.models import Interrupt, Policy
from tests.browser import OpenPageFor
from tests.conftest import PASSWORD, Cast, work_off

MOST = 400  # presses of Tab; the longest page here needs fewer than half
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
LONGEST = ("batch_snake", "parallel_formats", "bound")

# Where the focus is, whether it was there before, and what lies over its middle unless that is itself.
_FOCUSED = """() => {
  const at = document.activeElement
  if (!at || at === document.body || at === document.documentElement) return null
  const box = at.getClientRects()[0]
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2]
  const top = document.elementFromPoint(x, y)
  const itself = top && [at, ...at.labels ?? []].some(one => one.contains(top) || top.contains(one))
  const over = itself ? '' : top ? top.closest('[class]').className : 'it is outside the window'
  const words = at.getAttribute('aria-label') || at.innerText || at.name || at.id || at.className
  window.visited ??= new Set()
  const again = window.visited.has(at)
  window.visited.add(at)
  return {place: `${at.tagName.toLowerCase()} ${words.trim().slice(0, 40)}`, over, again}
}"""


@pytest.mark.parametrize("size", SIZES)
def test_nothing_lies_over_what_tab_reaches(page_for: OpenPageFor, cast: Cast, size: str) -> None:
    Policy.objects.update(reject_reasons=["wrong_amount", "wrong_customer"])
    visitor = page_for("alice", password=PASSWORD, path="/me/")
    width, height = SIZES[size]
    visitor.page.set_viewport_size({"width": width, "height": height})
    for chain in LONGEST:
        _open(visitor.page, _asked(cast, chain))
        for key in ("Tab", "Shift+Tab"):
            reached = _walk(visitor.page, key)
            assert [found for found in reached if found["over"]] == [], (chain, key)
            assert len(reached) > 20, (chain, key, reached)
    assert visitor.complaints == []


def _asked(cast: Cast, chain: str) -> Interrupt:
    thread = threads.submit(cast.rita, chain, {"log": []})
    work_off(thread)
    return Interrupt.objects.open().filter(thread=thread)[0]


def _open(page: Page, question: Interrupt) -> None:
    """Its forms for editing, a long note, and whatever is folded, but for menus: they are to lie over the page."""
    page.goto(f"/t/{question.thread_id}/?edit={question.id}", wait_until="networkidle")
    for radio in page.locator("[type=radio][value=edit]").all():
        radio.check()
    for note in page.locator(".bar:not(.inline) [name=note]").all():
        note.fill("One line of many.\n" * 12)
    page.evaluate("document.querySelectorAll('main details:not(.menu)').forEach(one => { one.open = true })")


def _walk(page: Page, key: str) -> list[dict[str, Any]]:
    """From one end of the page to the other."""
    reached: list[dict[str, Any]] = []
    page.evaluate(
        """key => {
      const all = [...document.querySelectorAll('a, button')].filter(one => one.checkVisibility())
      const end = all.at(key === 'Tab' ? 0 : -1)
      window.visited = new Set([end])
      end.focus()
    }""",
        key,
    )
    for _ in range(MOST):
        page.keyboard.press(key)
        found = page.evaluate(_FOCUSED)
        if found is None or found["again"]:
            return reached
        reached.append(found)
    raise AssertionError(f"{MOST} times {key}, and no end")
