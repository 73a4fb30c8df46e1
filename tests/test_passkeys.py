"""Passkeys in a real browser, with a device that Chromium simulates; and the pages of signing in as people see them."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import Visitor
from tests.conftest import PASSWORD, Cast
from tests.factor_desk import code_of, with_authenticator
from tests.stack import Stack
from tests.test_pages_live import RULES

SOON = 15_000


@pytest.fixture
def visitor(browser: Browser, stack: Stack, cast: Cast) -> Iterator[Visitor]:
    """At localhost: a passkey belongs to a name, and an address is none."""
    stack.start_web(HOLDPOINT_SECOND_FACTOR="on", HOLDPOINT_PASSKEYS="on")
    url = stack.url.replace("127.0.0.1", "localhost")
    context = browser.new_context(base_url=url, reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    found = Visitor(context.new_page(), context)
    found.watch(found.page)
    yield found
    context.close()


def sign_in(page: Page) -> None:
    page.goto("/accounts/login/?next=/me/")
    page.fill("input[name=username]", "alice")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")


def at_home(url: str) -> bool:
    return urlsplit(url).path == "/me/"


def accessible(page: Page) -> None:
    violations = Axe().run(page, options=RULES).response["violations"]
    assert [found["id"] for found in violations] == [], page.url


def add_passkey(page: Page) -> None:
    page.get_by_role("link", name="Second factor").click()
    accessible(page)
    page.get_by_role("link", name="Add a passkey").click()
    accessible(page)
    page.fill("#id_password", PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.fill("#id_name", "The blue key")
    accessible(page)
    page.get_by_role("button", name="Add it").click()
    expect(page.locator(".codes li")).to_have_count(10, timeout=SOON)
    accessible(page)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("The blue key, since")).to_be_visible()


def test_a_passkey_is_added_signs_in_alone_proves_again_and_is_removed(visitor: Visitor) -> None:
    page = visitor.page
    with_authenticator(page)
    sign_in(page)
    add_passkey(page)
    assert Authenticator.objects.filter(type="webauthn").count() == 1

    page.goto("/me/")
    page.locator("main").get_by_role("button", name="Sign out").click()
    page.goto("/accounts/login/?next=/me/")
    accessible(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(at_home, timeout=SOON)

    page.locator("main").get_by_role("button", name="Sign out").click()
    sign_in(page)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible(timeout=SOON)
    accessible(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(at_home, timeout=SOON)

    page.goto("/accounts/second-factor/passkeys/again/?next=/me/")
    accessible(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(at_home, timeout=SOON)
    page.goto("/accounts/second-factor/")
    page.get_by_role("link", name="Remove The blue key").click()
    accessible(page)
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("0 set up")).to_be_visible()
    assert not Authenticator.objects.exists()
    assert visitor.complaints == []


def test_an_app_is_set_up_by_keyboard_and_its_page_shows_a_code_to_scan(visitor: Visitor) -> None:
    page = visitor.page
    sign_in(page)
    page.goto("/accounts/second-factor/app/")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    expect(page.locator(".qr svg path")).to_be_visible()
    accessible(page)
    secret = page.input_value("#id_secret")
    page.fill("#id_code", "000000")
    page.press("#id_code", "Enter")
    expect(page.get_by_role("alert")).to_contain_text("That did not match")
    accessible(page)
    assert page.input_value("#id_secret") == secret
    page.fill("#id_code", code_of(secret))
    page.press("#id_code", "Enter")
    expect(page.locator(".codes li")).to_have_count(10, timeout=SOON)
    page.goto("/accounts/second-factor/recovery-codes/")
    expect(page.get_by_text("10 of 10 are left")).to_be_visible()
    expect(page.locator(".codes li")).to_have_count(0)
    accessible(page)
    assert visitor.complaints == []


def test_a_passkey_that_the_device_refuses_leaves_the_other_ways(visitor: Visitor) -> None:
    page = visitor.page
    device = with_authenticator(page)
    device.send("WebAuthn.disable")
    page.add_init_script("navigator.credentials.get = () => Promise.reject(new Error('no'))")
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_role("alert")).to_have_text("No passkey was used. Try again, or take another way.")
    accessible(page)


def test_the_page_of_whoever_has_to_wait_is_accessible(visitor: Visitor) -> None:
    page = visitor.page
    page.goto("/accounts/login/")
    for _ in range(5):
        page.fill("input[name=username]", "alice")
        page.fill("input[name=password]", "wrong")
        page.press("input[name=password]", "Enter")
        page.wait_for_load_state()
    expect(page.get_by_role("heading", name="Too many attempts")).to_be_visible()
    accessible(page)
