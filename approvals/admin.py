"""Django's admin: everything can be looked at, and only policies, people and groups can be changed by hand. What else
it can do goes through the verbs of the pages.
"""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.db.models import BinaryField, CharField, JSONField, Model, TextField
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from approvals import (
    admin_calendars,  # noqa: F401  (registers calendars)
    admin_people,  # noqa: F401  (registers people and how they sign in)
    admin_policies,  # noqa: F401  (registers policies)
    admin_retention,  # noqa: F401  (registers how long checkpoints are kept)
    showing,
)
from approvals.admin_actions import END, REQUEUE, RETRY, STOP, action_of
from approvals.models import Decision, Effect, Event, IdempotencyKey, Interrupt, Outbox, Removal, Run, Thread, Vote

TEXTS = (BinaryField, CharField, JSONField, TextField)

# Django's own classes take no type arguments while they run.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Rows that code and people make elsewhere: an edit here would go past every rule."""

    actions: Any = None
    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return shown_fields(self.opts.label)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return shown_fields(self.opts.label)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@cache
def shown_fields(label: str) -> list[Any]:
    """Every field of a model, with text written by strangers made visible."""
    return [_shown(field) for field in apps.get_model(label)._meta.concrete_fields]


def _shown(field: Any) -> Any:
    """Plain fields are Django's to show; text, JSON and bytes are ours."""
    if field.choices or not isinstance(field, TEXTS):
        return field.name

    @admin.display(description=field.verbose_name)
    def show(row: Model) -> SafeString:
        return _as_text(getattr(row, field.attname))

    return show


def _as_text(value: Any) -> SafeString:
    if isinstance(value, bytes | memoryview):
        return format_html("<pre>{}</pre>", showing.visible(bytes(value).decode()))
    if isinstance(value, str):
        return showing.visible(value or "-")
    return format_html("<pre>{}</pre>", showing.visible(json.dumps(value, indent=2, ensure_ascii=False)))


@admin.display(description="title", ordering="title")
def title(row: Thread | Interrupt) -> SafeString:
    return showing.visible(row.title)


@admin.display(description="question")
def question(row: Vote | Decision) -> SafeString:
    return showing.visible(row.interrupt.title)


@admin.display(description="page")
def page(row: Any) -> SafeString:
    """The thread's own page, where people work."""
    return format_html('<a href="{}">Open</a>', reverse("thread", args=[_thread_id(row)]))


@admin.display(description="run")
def run_of(row: Outbox) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("admin:approvals_run_change", args=[row.key]), row.key)


def _thread_id(row: Any) -> Any:
    if isinstance(row, Thread):
        return row.id
    return row.interrupt.thread_id if isinstance(row, Vote | Decision) else row.thread_id


@admin.register(Thread)
class ThreadAdmin(ReadOnlyAdmin):
    list_display = (title, "chain", "status", "requested_by_name", "last_activity_at", page)
    list_filter = ("status", "chain", "last_activity_at")
    search_fields = ("title", "requested_by_name", "id")
    ordering = ("-last_activity_at", "-id")
    actions = (action_of(RETRY), action_of(END))


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "status", "retries", "attempt", "generation", "lease_owner", "created_at", page)
    list_filter = ("status", "kind", "thread__chain", "created_at")
    search_fields = ("id", "thread__id", "thread__title", "error_class", "requested_by_name")
    ordering = ("-created_at", "-id")
    actions = (action_of(REQUEUE), action_of(STOP))


@admin.register(Interrupt)
class InterruptAdmin(ReadOnlyAdmin):
    list_display = (title, "node", "kind", "risk", "status", "policy", "created_at", page)
    list_filter = ("status", "kind", "risk", "thread__chain", "created_at")
    search_fields = ("title", "thread__id", "interrupt_id", "payload_sha256", "node", "policy")
    ordering = ("-created_at", "-id")
    list_select_related = ("thread",)


@admin.register(Vote)
class VoteAdmin(ReadOnlyAdmin):
    list_display = ("reviewer_name", "verdict", question, "created_at", page)
    list_filter = ("verdict", "created_at")
    search_fields = ("reviewer_name", "interrupt__title", "interrupt__thread__id", "payload_sha256")
    ordering = ("-created_at", "-id")
    list_select_related = ("interrupt",)


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = ("decided_by_name", "verdict", question, "decided_via", "decided_at", "applied_at", page)
    list_filter = ("verdict", "decided_via", "decided_at")
    search_fields = ("decided_by_name", "interrupt__title", "interrupt__thread__id", "payload_sha256")
    ordering = ("-decided_at", "-id")
    list_select_related = ("interrupt",)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("at", "kind", "actor_name", "thread_id", "seq", page)
    list_filter = ("kind", "at")
    search_fields = ("actor_name", "thread__id")
    ordering = ("-at", "-seq")


@admin.register(Effect)
class EffectAdmin(ReadOnlyAdmin):
    list_display = ("name", "node", "status", "is_idempotent", "begun_at", "ended_at", page)
    list_filter = ("status", "is_idempotent", "begun_at")
    search_fields = ("name", "key", "node", "thread__id")
    ordering = ("-begun_at", "-id")


@admin.register(Removal)
class RemovalAdmin(ReadOnlyAdmin):
    list_display = ("thread_id", "status", "keeps_latest", "checkpoints", "removed", "why", "finished_at", page)
    list_filter = ("status", "keeps_latest", "finished_at")
    search_fields = ("thread__id", "thread__title", "why", "archive")
    ordering = ("-marked_at",)


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    list_display = ("kind", run_of, "due_at", "attempts", "settled_at")
    list_display_links = ("kind",)
    list_filter = ("kind", ("settled_at", admin.EmptyFieldListFilter))
    search_fields = ("key",)
    ordering = ("-created_at", "-id")
    actions = (action_of(REQUEUE),)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    list_display = ("person", "key", "result", "created_at")
    search_fields = ("key", "person__username")
    ordering = ("-created_at", "-id")
