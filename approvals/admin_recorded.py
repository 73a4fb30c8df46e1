"""People and groups in the admin, with every change of them in the record, in the transaction that makes it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from approvals.record.people import NOBODY, note_change, standing_of

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    PersonAdmin = UserAdmin[User]
else:
    ModelAdmin, PersonAdmin = object, UserAdmin


class Recorded(ModelAdmin):
    """Groups and permissions are stored after the row itself, so the difference is taken when both are."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        form.standing_before = standing_of(obj) if change else NOBODY
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        thing = form.instance
        note_change(thing, form.standing_before, standing_of(thing), by=_person(request))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._remove(request, [obj], lambda: super(Recorded, self).delete_model(request, obj))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        self._remove(request, list(queryset), lambda: super(Recorded, self).delete_queryset(request, queryset))

    def _remove(self, request: HttpRequest, things: Iterable[User | Group], remove: Any) -> None:
        with transaction.atomic():
            before = [(type(thing)(pk=thing.pk), standing_of(thing)) for thing in things]
            remove()
            for thing, standing in before:
                note_change(thing, standing, standing_of(thing), by=_person(request))


class RecordedUserAdmin(Recorded, PersonAdmin):
    """Setting somebody's password is a way to act as them."""

    @method_decorator(sensitive_post_parameters())
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        with transaction.atomic():
            person = self.get_object(request, id)
            before = standing_of(person) if person else NOBODY
            answer = super().user_change_password(request, id, form_url)
            if person:
                note_change(person, before, standing_of(person), by=_person(request))
        return answer


admin.site.unregister(Group)


@admin.register(Group)
class RecordedGroupAdmin(Recorded, GroupAdmin):
    pass


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the administration lets nobody else in
    return request.user
