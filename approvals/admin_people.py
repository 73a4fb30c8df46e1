"""People in the admin: disabling one ends their sessions; a lost second factor is taken away; a wait is lifted."""

from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from axes.models import AccessAttempt, AccessAttemptExpiration, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest

from approvals.admin_recorded import RecordedUserAdmin
from approvals.signing_in.sessions import end_sessions

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

# Tables that Holdpoint leaves empty, and those that have a page of ours below.
THEIRS = (
    *(EmailAddress, SocialApp, SocialToken, AccessLog, AccessFailureLog, AccessAttemptExpiration),
    *(AccessAttempt, Authenticator, SocialAccount, User),
)
for model in THEIRS:
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(User)
class PersonAdmin(RecordedUserAdmin):
    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Their sockets close by themselves, whoever changed the row (signing_in/presence.py)."""
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            end_sessions(obj)


class OnlyToDelete(ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Authenticator)
class AuthenticatorAdmin(OnlyToDelete):
    """Its secret is shown to nobody."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type", "last_used_at")
    search_fields = ("user__username",)
    fields = ("user", "type", "created_at", "last_used_at")


@admin.register(AccessAttempt)
class AttemptAdmin(OnlyToDelete):
    """Deleting one lifts the wait."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    list_filter = ("attempt_time",)
    search_fields = ("username", "ip_address")
    fields = ("username", "ip_address", "user_agent", "failures_since_start", "attempt_time")


@admin.register(SocialAccount)
class ProviderAccountAdmin(ModelAdmin):
    """Adding one connects a person to somebody that a provider knows: by its slug and their subject there."""

    list_display = ("user", "provider", "uid", "last_login")
    list_filter = ("provider",)
    search_fields = ("user__username", "uid")
    fields = ("user", "provider", "uid")
    autocomplete_fields = ("user",)
