"""Policies in the administration: found and listed there, changed by the very form and verb of the pages."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from approvals.models import Policy
from approvals.policies import Act, may

# Django's own class takes no type arguments while it runs.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Policy]
else:
    ModelAdmin = admin.ModelAdmin


@admin.register(Policy)
class PolicyAdmin(ModelAdmin):
    list_display = ("name", "version", "chain", "action", "priority", "is_active", "votes_needed", "four_eyes", "risk")
    list_filter = ("is_active", "risk")
    search_fields = ("name", "chain", "action", "condition")
    actions = None

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return redirect("new_policy")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return redirect("policy", policy_id=int(object_id)) if object_id.isdecimal() else redirect("policies")

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return redirect("policy_versions", policy_id=int(object_id)) if object_id.isdecimal() else redirect("policies")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(may(request.user, Act.CHANGE_POLICIES))

    def has_change_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        return bool(may(request.user, Act.CHANGE_POLICIES))

    def has_delete_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        """Take it out of use instead: decisions name the policy they were made under."""
        return False
