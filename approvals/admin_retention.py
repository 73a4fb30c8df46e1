"""How long checkpoints are kept, in the admin: a permission is needed, and every change is on record."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest

from approvals import inspection
from approvals.models import Event, EventKind, Retention, RetentionNight

# Django's own classes take no type arguments while they run.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Retention]
    NightAdmin = admin.ModelAdmin[RetentionNight]
    ModelForm = forms.ModelForm[Retention]
else:
    ModelAdmin = NightAdmin = admin.ModelAdmin
    ModelForm = forms.ModelForm


class RetentionForm(ModelForm):
    chain = forms.ChoiceField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = {chain.name for chain in inspection.chains()} | ({self.instance.chain} - {""})
        chain = self.fields["chain"]
        assert isinstance(chain, forms.ChoiceField)
        chain.choices = [(name, name) for name in sorted(names)]


@admin.register(Retention)
class RetentionAdmin(ModelAdmin):
    """Chains that have no row are kept for ever."""

    form = RetentionForm
    list_display = ("chain", "days", "keep_latest", "archive_first", "includes_failed")
    ordering = ("chain",)
    fields = ("chain", "days", "keep_latest", "archive_first", "includes_failed")

    def save_model(self, request: HttpRequest, obj: Retention, form: Any, change: bool) -> None:
        before = dict(form.initial) if change else {}
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            changed = {name: [before.get(name), form.cleaned_data[name]] for name in form.changed_data}
            self._record(request, obj, "changed" if change else "added", changed)

    def delete_model(self, request: HttpRequest, obj: Retention) -> None:
        with transaction.atomic():
            super().delete_model(request, obj)
            self._record(request, obj, "deleted", {})

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """One by one, for the record."""
        with transaction.atomic():
            for retention in queryset:
                self.delete_model(request, retention)

    def _record(self, request: HttpRequest, retention: Retention, what: str, changed: dict[str, Any]) -> None:
        assert request.user.is_authenticated
        told = {"chain": retention.chain, "what": what, "changes": changed}
        Event.append_for_desk(EventKind.RETENTION_CHANGED, by=request.user, **told)


@admin.register(RetentionNight)
class RetentionNightAdmin(NightAdmin):
    """What each night did; only to be looked at."""

    list_display = ("day", "began_at", "ended_at", "threads", "checkpoints", "left")
    ordering = ("-day",)
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
