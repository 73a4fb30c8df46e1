"""Signing in by OpenID Connect and by SAML: who gets in, in which groups, and which answers are refused."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore

from approvals.embedded.processes import free_port
from tests.conftest import Cast
from tests.factor_desk import Walk
from tests.provider_desk import Oidc, Said, SamlProvider, agree, begin, come_in, oidc
from tests.stack import Stack

MAKES = {"HOLDPOINT_PROVIDER_MAKES_ACCOUNTS": "1"}
GROUPS = {
    "HOLDPOINT_GROUPS_CLAIM": "groups",
    "HOLDPOINT_GROUPS_FROM_CLAIMS": "approvers=reviewers,operators",
}
TRUSTED = {"HOLDPOINT_PROVIDER_EMAILS_TRUSTED": "1"}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oidc]:
    with oidc(tmp_path_factory.mktemp("provider")) as found:
        yield found


def grow_old(session_key: str) -> None:
    session = SessionStore(session_key)
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        {**record, "at": record["at"] - 1_000} for record in session[AUTHENTICATION_METHODS_SESSION_KEY]
    ]
    session.save()


def groups_of(person: User) -> set[str]:
    return set(person.groups.values_list("name", flat=True))


def test_a_provider_s_people_get_an_account_and_the_groups_that_claims_name(
    stack: Stack, cast: Cast, provider: Oidc
) -> None:
    # A second factor is the provider's affair for whoever it vouches for.
    stack.start_web(**provider.settings, **MAKES, **GROUPS, HOLDPOINT_SECOND_FACTOR="reviewers")
    provider.knows("sub-1", preferred_username="nina", name="Nina Roy", groups=["approvers", "admins", "requesters"])
    walk = Walk(stack.url)
    assert come_in(walk, "sub-1").url.endswith("/me/")
    nina = User.objects.get(username="nina")
    assert (nina.get_full_name(), groups_of(nina)) == ("Nina Roy", {"reviewers"})
    assert (nina.is_superuser, nina.is_staff, nina.has_usable_password()) == (False, False, False)

    assert "Set up an authenticator app" in walk.get("/accounts/second-factor/app/").text
    grow_old(str(walk.session.cookies["sessionid"]))
    assert walk.get("/accounts/second-factor/app/").status_code == 403

    nina.groups.add(*cast.rita.groups.all())
    provider.knows("sub-1", preferred_username="alice", groups="operators")
    come_in(Walk(stack.url), "sub-1")
    assert groups_of(nina) == {"operators", "requesters"}

    provider.knows("sub-1")
    come_in(Walk(stack.url), "sub-1")
    assert groups_of(nina) == {"requesters"}
    assert User.objects.filter(username__startswith="nina").count() == 1


def test_a_name_or_an_address_that_is_taken_takes_over_nobody(stack: Stack, cast: Cast, provider: Oidc) -> None:
    stack.start_web(**provider.settings, **MAKES)
    User.objects.filter(id=cast.alice.id).update(email="alice@example.org")
    provider.knows("thief", preferred_username="bob", email="Alice@Example.org", email_verified=True)
    walk = Walk(stack.url)

    assert come_in(walk, "thief").status_code == 403
    assert not walk.is_in()
    provider.knows("thief", preferred_username="alice")
    come_in(walk, "thief")
    newcomer = SocialAccount.objects.get(uid="thief").user
    assert newcomer not in (cast.alice, cast.bob)
    assert newcomer.username != "alice"


def test_only_a_verified_address_of_a_trusted_provider_finds_its_account(
    stack: Stack, cast: Cast, provider: Oidc
) -> None:
    stack.start_web(**provider.settings, **TRUSTED)
    User.objects.filter(id=cast.alice.id).update(email="alice@example.org")
    User.objects.filter(id=cast.oscar.id).update(email="root@example.org", is_superuser=True)
    for sub, claims in (
        ("unverified", {"email": "alice@example.org"}),
        ("false", {"email": "alice@example.org", "email_verified": False}),
        ("word", {"email": "alice@example.org", "email_verified": "false"}),
        ("root", {"email": "root@example.org", "email_verified": True}),
        ("unknown", {"email": "new@example.org", "email_verified": True}),
    ):
        provider.knows(sub, **claims)
        walk = Walk(stack.url)
        assert come_in(walk, sub).status_code == 403, sub
        assert not walk.is_in(), sub
    provider.knows("alice", email="alice@example.org", email_verified=True)
    walk = Walk(stack.url)
    come_in(walk, "alice")

    assert walk.is_in()
    assert SocialAccount.objects.get().user == cast.alice
    cast.alice.refresh_from_db()
    assert cast.alice.has_usable_password()


def test_answers_that_nobody_asked_for_are_refused(stack: Stack, cast: Cast, provider: Oidc) -> None:
    stack.start_web(**provider.settings, **MAKES)
    provider.knows("sub-2", preferred_username="nina")
    walk, victim = Walk(stack.url), Walk(stack.url)
    address = begin(walk)
    asked = parse_qs(urlsplit(address).query)
    assert asked["code_challenge_method"] == ["S256"]
    callback = agree(walk, address, as_sub="sub-2")

    forged = callback.replace(asked["state"][0], "x" * len(asked["state"][0]))
    for one, url in ((victim, callback), (walk, forged), (walk, forged.partition("state=")[0])):
        assert one.session.get(url, timeout=30).status_code == 401
        assert not one.is_in()
    walk.session.get(callback, timeout=30)
    assert walk.is_in()
    late = Walk(stack.url)
    late.session.cookies = walk.session.cookies
    assert late.session.get(callback, timeout=30).status_code == 401


def test_a_link_begins_nothing_but_signing_in(stack: Stack, cast: Cast, provider: Oidc) -> None:
    stack.start_web(**provider.settings)
    walk = Walk(stack.url)
    walk.sign_in("alice")
    link = f"/accounts/oidc/localhost-{provider.url.rpartition(':')[2]}/login/"

    assert walk.session.get(f"{stack.url}{link}", allow_redirects=False, timeout=30).status_code == 302
    for query in ("process=connect", "process=login&process=connect", "process=redirect"):
        assert walk.get(f"{link}?{query}").status_code == 404
    provider.knows("unknown-to-us")
    assert come_in(Walk(stack.url), "unknown-to-us").status_code == 403
    assert not SocialAccount.objects.exists()


def test_a_disabled_person_is_turned_away_whatever_the_provider_says(stack: Stack, cast: Cast, provider: Oidc) -> None:
    stack.start_web(**provider.settings, **MAKES)
    provider.knows("sub-3", preferred_username="nina")
    come_in(Walk(stack.url), "sub-3")
    User.objects.filter(username="nina").update(is_active=False)
    walk = Walk(stack.url)

    assert "not active" in come_in(walk, "sub-3").text
    assert not walk.is_in()


def test_saml_takes_what_its_provider_signed_for_us_and_once(stack: Stack, cast: Cast, tmp_path: Path) -> None:
    idp, stranger = SamlProvider(tmp_path), SamlProvider(tmp_path)
    stack.start_web(**idp.settings, **MAKES, **GROUPS)
    genuine = Said(name="u-7", attributes={"groups": ["approvers"], "http://schemas.auth0.com/nickname": ["nina"]})
    walk = Walk(stack.url)
    answer = idp.answer(begin(walk), genuine)
    assert deliver(walk, answer).url.endswith("/me/")
    assert groups_of(User.objects.get(username="nina")) == {"reviewers"}
    replayed = Walk(stack.url)
    replayed.session.cookies.update(walk.session.cookies)
    assert deliver(replayed, answer).status_code in (401, 403)
    assert deliver(Walk(stack.url), answer).status_code in (401, 403)
    huge = (answer[0], "A" * 300_000)
    assert deliver(Walk(stack.url), huge).status_code == 413

    for who, said in (
        (idp, Said(is_signed=False)),
        (stranger, Said()),
        (idp, Said(audience="https://another.example.org/")),
        (idp, Said(is_late=True)),
        (idp, Said(name="u-8", tampered=("u-8", "u-7"))),
    ):
        refused = Walk(stack.url)
        assert deliver(refused, who.answer(begin(refused), said)).status_code == 401, said
        assert not refused.is_in()


def deliver(walk: Walk, answer: tuple[str, str]) -> requests.Response:
    """As the provider's page does: a form that the browser posts."""
    where, response = answer
    return walk.session.post(where, {"SAMLResponse": response, "RelayState": ""}, timeout=30)


def test_a_provider_that_is_away_is_told_in_words(stack: Stack, cast: Cast) -> None:
    port = free_port()
    stack.start_web(**Oidc(f"http://localhost:{port}").settings)
    answer = Walk(stack.url).get(f"/accounts/oidc/localhost-{port}/login/")

    assert answer.status_code == 503
    assert "cannot be reached" in answer.text


def test_without_providers_there_are_no_doors_for_them(stack: Stack, cast: Cast) -> None:
    walk = Walk(stack.url)

    for path in ("oidc/x/login/", "oidc/x/login/callback/", "saml/x/login/", "saml/x/acs/", "saml/x/metadata/"):
        assert walk.get(f"/accounts/{path}").status_code == 404
