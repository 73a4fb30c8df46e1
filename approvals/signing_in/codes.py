"""Codes from an app, and recovery codes: each is taken once, and wrong ones count as wrong passwords do."""

import time
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import salted_hmac

from approvals.signing_in.lockout import count_failure, is_locked_out

USED = "used"
# Longer than a code could be taken: three steps of 30 s.
REMEMBERED_SECONDS = 120


class OnceOnly:
    """Mixed into allauth's forms, whose own memory of used codes is that of one process."""

    user: Any
    authenticator: Any

    def clean_code(self) -> str:
        if is_locked_out(context.request, self.user):
            count_failure(context.request, self.user)
            raise get_adapter().validation_error("incorrect_code")
        try:
            with transaction.atomic():
                # One at a time, so that two requests with the same code are not both taken.
                list(Authenticator.objects.select_for_update().filter(user=self.user).order_by("id"))
                code = str(super().clean_code())  # type: ignore[misc]
                self._use_up(code)
        except ValidationError:
            count_failure(context.request, self.user)
            raise
        return code

    def _use_up(self, code: str) -> None:
        """Raises ValidationError. Recovery codes keep count of themselves."""
        if self.authenticator.type != Authenticator.Type.TOTP:
            return
        now = time.time()
        mark = salted_hmac("holdpoint.used", "".join(code.split())).hexdigest()
        used = {old: at for old, at in self.authenticator.data.get(USED, {}).items() if now - at < REMEMBERED_SECONDS}
        if mark in used:
            raise get_adapter().validation_error("incorrect_code")
        self.authenticator.data[USED] = {**used, mark: now}
        self.authenticator.save(update_fields=["data"])


class CodeForm(OnceOnly, AuthenticateForm):  # type: ignore[misc]
    """While signing in."""


class CodeAgainForm(OnceOnly, ReauthenticateForm):  # type: ignore[misc]
    """While signed in."""
