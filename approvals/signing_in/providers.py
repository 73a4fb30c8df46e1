"""People whom a provider vouches for: which account is theirs, and whether they get one."""

from typing import Any

import structlog
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, _build_apps_from_settings
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render

from approvals.signing_in.claims import keep_groups

log = structlog.get_logger(__name__)

ANOTHER = "The provider named two different people. Sign in again, and tell an operator if this stays."
TAKEN = "An account here has your e-mail address, and is not known to be yours. Ask an operator to connect them."
UNKNOWN = "The provider knows you, and nobody here does yet. Ask an operator for an account."


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """From the settings alone: what can be added to a table could let anybody in."""
        found = _build_apps_from_settings(provider=provider, client_id=client_id)
        return [app for apps in found.values() for app in apps]

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> Any:
        """An address that nobody has verified is not kept: messages would go to it."""
        user = super().populate_user(request, sociallogin, data)
        if not _verified(sociallogin):
            user.email = ""
        return user

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Raises ImmediateHttpResponse for whom there is no account, and none can be made."""
        _refuse_other_subject(request, sociallogin.account.extra_data)
        if not sociallogin.is_existing:
            self._connect_by_address(request, sociallogin)
        if sociallogin.is_existing:
            keep_groups(sociallogin.user, sociallogin.account.extra_data)
        elif not settings.HOLDPOINT_PROVIDER_MAKES_ACCOUNTS:
            raise ImmediateHttpResponse(_refusal(request, UNKNOWN))
        elif _with_address(_claimed_addresses(sociallogin)):
            raise ImmediateHttpResponse(_refusal(request, TAKEN))
        sociallogin.email_addresses = []

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """The page tells nothing of it: the reason is for operators."""
        reason = (extra_context or {}).get("saml_last_error_reason") or repr(exception)
        log.warning("a provider's answer was refused", provider=provider.sub_id, error=str(error), reason=reason)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return bool(settings.HOLDPOINT_PROVIDER_MAKES_ACCOUNTS)

    @transaction.atomic
    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> Any:
        user = super().save_user(request, sociallogin, form)
        keep_groups(user, sociallogin.account.extra_data)
        return user

    def _connect_by_address(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Only where the provider's addresses are trusted, to the one account that has it, and never to a superuser."""
        if not settings.HOLDPOINT_PROVIDER_EMAILS_TRUSTED:
            return
        people = _with_address(_verified(sociallogin))
        if len(people) == 1 and people[0].is_active and not people[0].is_superuser:
            sociallogin.connect(request, people[0])


def _refuse_other_subject(request: HttpRequest, said: dict[str, Any]) -> None:
    """OpenID Connect Core 5.3.2: an answer about somebody else must not be used."""
    subjects = {part["sub"] for part in (said.get("userinfo"), said.get("id_token")) if isinstance(part, dict)}
    if len(subjects) > 1:
        raise ImmediateHttpResponse(_refusal(request, ANOTHER))


def _claimed_addresses(sociallogin: SocialLogin) -> set[str]:
    return {address.email.lower() for address in sociallogin.email_addresses if address.email}


def _verified(sociallogin: SocialLogin) -> set[str]:
    """`email_verified` has to be true, not a word that looks like it."""
    return {address.email.lower() for address in sociallogin.email_addresses if address.verified is True}


def _with_address(addresses: set[str]) -> list[User]:
    return [person for address in addresses for person in User.objects.filter(email__iexact=address)]


def _refusal(request: HttpRequest, reason: str) -> Any:
    return render(request, "registration/refused.html", {"reason": reason}, status=403)
