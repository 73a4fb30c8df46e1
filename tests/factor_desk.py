"""Second factors in tests: an authenticator app, a walk through the pages by HTTP, and a passkey in Chromium."""

import re
import time
from typing import Any

import requests
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import CDPSession, Page

from tests.conftest import PASSWORD

STEP = 30


def code_of(secret: str, *, later: int = 0) -> str:
    """What the app shows, so many steps from now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // STEP + later)))


class Walk:
    """One person's browser without a screen: it follows links and sends forms with their tokens."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.url + path, headers=headers, timeout=30)

    def send(self, path: str, **fields: str) -> requests.Response:
        page = self.session.get(self.url + path, timeout=30)
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert found, page.text[:2000]
        data = {"csrfmiddlewaretoken": found[1], **fields}
        return self.session.post(page.url, data, headers={"Referer": page.url}, timeout=30)

    def sign_in(self, name: str, *, password: str = PASSWORD) -> requests.Response:
        return self.send("/accounts/login/", username=name, password=password)

    def is_in(self) -> bool:
        answer = self.session.get(self.url + "/me/", allow_redirects=False, timeout=30)
        return answer.status_code == 200

    def set_up_app(self) -> tuple[str, list[str]]:
        """The app's secret, and the recovery codes that were shown."""
        page = self.get("/accounts/second-factor/app/")
        if "Is it you?" in page.text:
            self.send("/accounts/again/", password=PASSWORD)
            page = self.get("/accounts/second-factor/app/")
        found = re.search(r'id="id_secret" value="(\w+)"', page.text)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert found, page.text[:3000]
        assert token
        data = {"csrfmiddlewaretoken": token[1], "code": code_of(found[1])}
        shown = self.session.post(page.url, data, headers={"Referer": page.url}, timeout=30)
        return found[1], re.findall(r"<code>(\d+)</code>", shown.text)


def with_authenticator(page: Page) -> CDPSession:
    """A device that says yes by itself, in Chromium."""
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options: dict[str, Any] = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return device
