"""The mark in a form that says whom it was drawn for."""

from django import template
from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString

from approvals.views.unsent import MARK, mark_for

register = template.Library()


@register.simple_tag
def drawn_for(person: User) -> SafeString:
    return format_html('<input type="hidden" name="{}" value="{}">', MARK, mark_for(person.id))
